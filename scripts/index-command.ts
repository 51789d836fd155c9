import { Command } from 'commander'
import { parsePeerId } from '../common/ids.ts'
import { logSettings } from '../common/log-settings.ts'
import { indexDataFolder, runIndex } from '../indexing-server/main.ts'
import { releaseId } from '../indexing-server/released-ids.ts'
import { indexSettings } from '../indexing-server/settings.ts'
import { addSettingOptions } from './setting-options.ts'

/** `tandem index`: runs the index until stopped. */
export function indexCommand(): Command {
  const command = new Command('index')
    .description(
      'Runs the index, which knows which peer has which file and ensures that every file has its copies.',
    )
    .action((flags: Record<string, unknown>) => runIndex(flags))
  command.addCommand(releaseCommand())
  return addSettingOptions(command, [indexSettings, logSettings])
}

/** `tandem index release ID`, on the machine of the index, whether it runs or not. */
function releaseCommand(): Command {
  const command = new Command('release')
    .description(
      'Lets the next peer that uses this id take it over, for a peer that lost its disk and thereby its secret.',
    )
    .argument('<peer>', 'id of the peer')
    .action(async (peer: string, _flags: unknown, self: Command) => {
      const peerId = parsePeerId(peer)
      await releaseId(indexDataFolder(self.optsWithGlobals()), peerId)
      process.stdout.write(`The next peer that registers as ${peerId} gets this id.\n`)
    })
  return addSettingOptions(command, [
    { ...indexSettings, table: { data: indexSettings.table.data } },
  ])
}
