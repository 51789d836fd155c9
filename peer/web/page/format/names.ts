/** Names of files are paths with `/`. */

export interface NameParts {
  /** With a trailing slash; empty at the top. */
  readonly folder: string
  readonly file: string
}

export function partsOf(name: string): NameParts {
  const cut = name.lastIndexOf('/') + 1
  return { folder: name.slice(0, cut), file: name.slice(cut) }
}

/** The folders from the top to `folder`, each with its full path. */
export function crumbsOf(folder: string): { readonly label: string; readonly path: string }[] {
  const labels = folder.split('/').filter((label) => label !== '')
  return labels.map((label, index) => ({ label, path: labels.slice(0, index + 1).join('/') }))
}

/** Percent-encodes each segment, not the slashes. */
export function encodedPath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

export interface Piece {
  readonly text: string
  readonly isMatch: boolean
}

/** Splits `text` where it contains the query, without regard to case; a glob marks nothing. */
export function markMatches(text: string, query: string): Piece[] {
  if (query === '' || /[*?[]/.test(query)) return [{ text, isMatch: false }]
  // Characters whose lower case has another length would shift all that follows.
  const lower = text.toLowerCase()
  const wanted = query.toLowerCase()
  if (lower.length !== text.length) return [{ text, isMatch: false }]
  const pieces: Piece[] = []
  let from = 0
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    pieces.push({ text: text.slice(from, at), isMatch: false })
    pieces.push({ text: text.slice(at, at + wanted.length), isMatch: true })
    from = at + wanted.length
  }
  pieces.push({ text: text.slice(from), isMatch: false })
  return pieces.filter(({ text }) => text !== '')
}

/** A shell word: quoted so that no shell changes it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
