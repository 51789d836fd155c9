import { Argument, Command } from 'commander'
import type { KeptFolders } from '../api/status-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { countText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'

const actions = ['confirm'] as const

export function deletesCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const command = new Command('deletes')
    .summary('show or confirm missing files')
    .description(
      'Shows the folders of this peer that are missing, unmounted, unreadable, empty or without most of their files. Their entries are kept until the files return or `deletes confirm` declares them deleted.',
    )
    .addArgument(new Argument('[action]', 'declare the files deleted').choices(actions))
  return command.action((action: (typeof actions)[number] | undefined, options: Options) =>
    run(options, action === 'confirm' ? confirmDeletes : deletes),
  )
}

async function deletes({ api, signal, terminal, json }: Session): Promise<void> {
  const found = await api.keptFolders(signal)
  await terminal.print(json ? printableJson(found, 2) : deletesText(found, styleOf(terminal)))
}

async function confirmDeletes({ api, signal, terminal, json }: Session): Promise<void> {
  const confirmed = await api.confirmDeletes(signal)
  const files = countText(confirmed.files, 'missing file')
  await terminal.print(
    json
      ? printableJson(confirmed, 2)
      : `Confirmed: ${files} deleted; \`trash\` lists those that can be restored.`,
  )
}

function deletesText(found: KeptFolders, style: Style): string {
  if (found.keptFolders.length === 0) return 'No folder has lost files: nothing to confirm.'
  return [
    ...keptFolderLines(found, style),
    'Restore the folders; if the files were deleted on purpose, run: deletes confirm',
  ].join('\n')
}

/** One line for each folder. */
export function keptFolderLines({ keptFolders }: KeptFolders, style: Style): string[] {
  return keptFolders.map(({ folder, reason, files }) => {
    const entries = countText(files, 'entry', 'entries')
    return style('red', `Folder:    ${printable(folder)} ${printable(reason)}; ${entries} kept`)
  })
}
