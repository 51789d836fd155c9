import { Command } from 'commander'
import { logSettings } from '../common/log-settings.ts'
import { runIndex } from '../indexing-server/main.ts'
import { indexSettings } from '../indexing-server/settings.ts'
import { addSettingOptions } from './setting-options.ts'

/** `tandem index`: runs the index until it is told to stop. */
export function indexCommand(): Command {
  const command = new Command('index')
    .description(
      'Runs the index: it knows who has which file, and sees to it that every file has its copies.',
    )
    .action((flags: Record<string, unknown>) => runIndex(flags))
  return addSettingOptions(command, [indexSettings, logSettings])
}
