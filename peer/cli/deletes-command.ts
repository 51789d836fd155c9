import type { KeptFolders } from '../api/shapes.ts'
import { countText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import type { Style } from './style.ts'

/** Shows the folders whose missing files are kept. */
export async function deletes({ api, signal, terminal, json }: Session): Promise<void> {
  const found = await api.keptFolders(signal)
  const style: Style = (format, text) => terminal.style(format, text)
  await terminal.print(json ? printableJson(found, 2) : deletesText(found, style))
}

/** Says that these files were deleted on purpose. */
export async function confirmDeletes({ api, signal, terminal, json }: Session): Promise<void> {
  const confirmed = await api.confirmDeletes(signal)
  const files = countText(confirmed.files, 'missing file')
  await terminal.print(
    json ? printableJson(confirmed, 2) : `Confirmed: ${files} dropped from the cluster.`,
  )
}

function deletesText(found: KeptFolders, style: Style): string {
  if (found.keptFolders.length === 0)
    return 'No folder has lost its files: there is nothing to confirm.'
  return [
    ...keptFolderLines(found, style),
    'Bring the folders back; if the files were deleted on purpose: deletes confirm',
  ].join('\n')
}

/** One line for each folder. */
export function keptFolderLines({ keptFolders }: KeptFolders, style: Style): string[] {
  return keptFolders.map(({ folder, reason, files }) => {
    const entries = countText(files, 'entry', 'entries')
    return style('red', `Folder:    ${printable(folder)} ${printable(reason)}; ${entries} kept`)
  })
}
