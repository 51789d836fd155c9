import { Command } from 'commander'
import { parsePeerId } from '../common/ids.ts'
import { logSettings } from '../common/log-settings.ts'
import { indexDataFolder, runIndex } from '../indexing-server/main.ts'
import { releaseId } from '../indexing-server/releases.ts'
import { indexSettings } from '../indexing-server/settings.ts'
import { addSettingOptions } from './setting-options.ts'

/** `tandem index`: runs the index until it is told to stop. */
export function indexCommand(): Command {
  const command = new Command('index')
    .description(
      'Runs the index: it knows who has which file, and sees to it that every file has its copies.',
    )
    .action((flags: Record<string, unknown>) => runIndex(flags))
  command.addCommand(releaseCommand())
  return addSettingOptions(command, [indexSettings, logSettings])
}

/** `tandem index release ID`, on the machine of the index, while it runs or not. */
function releaseCommand(): Command {
  const command = new Command('release')
    .description(
      'Lets the next peer that comes with this id have it: for a peer whose disk, and so its secret, was lost.',
    )
    .argument('<peer>', 'the id')
    .action(async (peer: string, _flags: unknown, self: Command) => {
      const peerId = parsePeerId(peer)
      await releaseId(indexDataFolder(self.optsWithGlobals()), peerId)
      process.stdout.write(`The next peer that says hello as ${peerId} gets this id.\n`)
    })
  return addSettingOptions(command, [
    { ...indexSettings, table: { data: indexSettings.table.data } },
  ])
}
