/** `npm run generate -- --peer peer1`: fills a peer's empty shared/ with generated files. */
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { parsePeerId } from '../common/ids.ts'
import { fillNewShare, generateDefaults } from '../peer/generate.ts'
import { sharedFilesKnown } from '../peer/share/known-files.ts'
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
  const data = resolve(options.data ?? join('data', peerId))
  const folder = join(data, 'shared')
  const isEmpty = (await readdir(folder).catch(() => [])).length === 0
  const knownFiles = isEmpty ? sharedFilesKnown(data) : 0
  const written = await fillNewShare({ folder, knownFiles }, { ...options, peerId })
  const reason = isEmpty ? `is empty, but the peer knows ${knownFiles} files of it` : 'is not empty'
  console.log(
    written > 0
      ? `${written} files written to ${folder}`
      : `${folder} ${reason}: nothing was written`,
  )
})
