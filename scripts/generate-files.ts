/** `npm run generate -- --peer peer1`: fills a peer's empty shared/ with generated files. */
import { join } from 'node:path'
import { Command } from 'commander'
import { parsePeerId } from '../common/ids.ts'
import { fillEmptyFolder, generateDefaults } from '../peer/generate.ts'
import { parseCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

const options = new Command('generate-files')
  .description('Fills the empty shared/ folder of a peer with generated files.')
  .option('--peer <id>', 'whose files', 'peer1')
  .option('--kb <count>', 'text files of 1 KiB', parseCount, generateDefaults.kb)
  .option('--mb <count>', 'binary files of 1 MiB', parseCount, generateDefaults.mb)
  .option('--seed <text>', 'the same seed gives the same files', generateDefaults.seed)
  .option('--data <folder>', "the peer's data folder (default: data/<id>)")
  .parse()
  .opts<{ peer: string; kb: number; mb: number; seed: string; data?: string }>()

await runScript(async () => {
  const peerId = parsePeerId(options.peer)
  const folder = join(options.data ?? join('data', peerId), 'shared')
  const written = await fillEmptyFolder(folder, { ...options, peerId })
  console.log(
    written > 0
      ? `${written} files written to ${folder}`
      : `${folder} is not empty: nothing was written`,
  )
})
