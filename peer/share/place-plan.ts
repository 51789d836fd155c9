import type { CopyKind } from '../../common/protocol/messages.ts'

/** What is at the place of a file that is being placed. */
export type Held =
  | 'nothing'
  | 'folder'
  /** A file whose name this disk does not distinguish from the wanted one. */
  | 'twin'
  /** A file that the catalog has under another name. */
  | 'other-name'
  | 'same-content'
  /** The wanted content, but damaged. */
  | 'damaged'
  | 'other-content'

/**
 * `stay`: keep the same content. `move`: into the free place. `replace`: the other content. `next`:
 * try the next name.
 */
export type Decision = 'stay' | 'move' | 'replace' | 'next' | 'NAME_BLOCKED' | 'NAME_EXISTS'

/**
 * What to do about a file in the way. A shared file gets its own name or none. A downloaded file
 * gets the next free name and keeps it. A replicated file keeps its name, replaces earlier content,
 * and gets another disk name if something else is in the way.
 */
export function decide(kind: CopyKind, held: Held, mayReplace: boolean): Decision {
  switch (held) {
    case 'nothing':
      return 'move'
    case 'damaged':
      return 'replace'
    case 'same-content':
      return 'stay'
    case 'other-content':
      if (kind === 'replicated' || mayReplace) return 'replace'
      return kind === 'shared' ? 'NAME_EXISTS' : 'next'
    case 'folder':
    case 'twin':
    case 'other-name':
      return kind === 'shared' ? 'NAME_BLOCKED' : 'next'
  }
}
