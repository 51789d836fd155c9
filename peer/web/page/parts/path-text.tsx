import type { JSX } from 'preact'
import { partsOf } from '../format/names.ts'
import { shownText } from '../format/shown-text.ts'

/** A name on one line. Without room for all of it, its folder is cut, then the file. */
export function PathText({ name }: { readonly name: string }): JSX.Element {
  const { folder, file } = partsOf(name)
  return (
    <span class="path" title={shownText(name)}>
      {folder !== '' && <span class="cut path-folder">{shownText(folder)}</span>}
      <span class="cut">{shownText(file)}</span>
    </span>
  )
}
