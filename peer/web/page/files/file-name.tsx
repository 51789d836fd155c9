import type { JSX } from 'preact'
import { markMatches, type Piece, partsOf } from '../format/names.ts'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import type { Row } from './file-rows.ts'

interface FileNameProps {
  readonly row: Row
  readonly query: string
  /** What is left out at the beginning. */
  readonly folder: string
}

export function FileName({ row, query, folder }: FileNameProps): JSX.Element {
  const { type, name } = row
  const shown = folder === '' ? name : name.slice(folder.length + 1)
  const versions = row.type === 'file' ? (row.versions ?? 1) : 1
  return (
    <span class={`file-name ${type}`} title={name}>
      <Icon name={type === 'folder' ? 'files' : 'file'} small />
      <span class="cut">
        {partsWithTone(shown, query).map(({ key, text, isMatch, tone }) =>
          isMatch ? (
            <mark key={key} class={tone}>
              {text}
            </mark>
          ) : (
            <span key={key} class={tone}>
              {text}
            </span>
          ),
        )}
        {type === 'folder' && <span class="faint">/</span>}
      </span>
      {versions > 1 && <span class="badge">{countText(versions, 'version')}</span>}
    </span>
  )
}

interface TonedPiece extends Piece {
  readonly key: string
  readonly tone: '' | 'faint'
}

/** The folder is faint, also where a match spans its end. */
function partsWithTone(name: string, query: string): TonedPiece[] {
  const folderLength = partsOf(name).folder.length
  let start = 0
  return markMatches(name, query).flatMap(({ text, isMatch }) => {
    const cut = Math.max(0, Math.min(text.length, folderLength - start))
    const key = String(start)
    start += text.length
    const parts: TonedPiece[] = [
      { key: `${key} folder`, text: text.slice(0, cut), isMatch, tone: 'faint' },
      { key, text: text.slice(cut), isMatch, tone: '' },
    ]
    return parts.filter((part) => part.text !== '')
  })
}
