import type { JSX } from 'preact'
import { markMatches, type Piece, partsOf } from '../format/names.ts'
import { shownText } from '../format/shown-text.ts'
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
  const shown = shownText(folder === '' ? name : name.slice(folder.length + 1))
  const versions = row.type === 'file' ? (row.versions ?? 1) : 1
  const pieces = piecesOf(shown, query)
  const inFolder = pieces.filter((piece) => piece.isFolder)
  return (
    <span class={`file-name ${type}`} title={shownText(name)}>
      <Icon name={type === 'folder' ? 'files' : 'file'} small />
      <span class="path">
        {inFolder.length > 0 && (
          <span class="cut path-folder">
            <Pieces pieces={inFolder} />
          </span>
        )}
        <span class="cut">
          <Pieces pieces={pieces.filter((piece) => !piece.isFolder)} />
          {type === 'folder' && <span class="faint">/</span>}
        </span>
      </span>
      {versions > 1 && <span class="badge">{countText(versions, 'version')}</span>}
    </span>
  )
}

interface PlacedPiece extends Piece {
  readonly key: string
  readonly isFolder: boolean
}

function Pieces({ pieces }: { readonly pieces: readonly PlacedPiece[] }): JSX.Element {
  return (
    <>
      {pieces.map(({ key, text, isMatch }) =>
        isMatch ? <mark key={key}>{text}</mark> : <span key={key}>{text}</span>,
      )}
    </>
  )
}

/** The matches and what is between them, cut at the end of the folder. */
function piecesOf(name: string, query: string): PlacedPiece[] {
  const folderLength = partsOf(name).folder.length
  let start = 0
  return markMatches(name, query).flatMap(({ text, isMatch }) => {
    const cut = Math.max(0, Math.min(text.length, folderLength - start))
    const key = String(start)
    start += text.length
    const parts: PlacedPiece[] = [
      { key: `${key} folder`, text: text.slice(0, cut), isMatch, isFolder: true },
      { key, text: text.slice(cut), isMatch, isFolder: false },
    ]
    return parts.filter((part) => part.text !== '')
  })
}
