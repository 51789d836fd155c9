import type { CopyKind } from '../../common/protocol/messages.ts'

/** What is found where a file is to be put. */
export type Held =
  | 'nothing'
  | 'folder'
  /** A file whose name this disk takes for the one that is wanted. */
  | 'twin'
  /** A file that the catalog has under another name. */
  | 'other-name'
  | 'same-content'
  | 'other-content'

/** `stay`: it is there already. `move`: into the free place. `replace`: what is there. `next`: under the next name. */
export type Decision = 'stay' | 'move' | 'replace' | 'next' | 'NAME_BLOCKED' | 'NAME_EXISTS'

/**
 * What to do about what has the place of a file. A shared file is put under its own name or not at all, a
 * downloaded one under the next free name, which it has from then on; a replicated one keeps its name,
 * replaces what was kept under it, and is put into another file when something else is in the way.
 */
export function decide(kind: CopyKind, held: Held, mayReplace: boolean): Decision {
  switch (held) {
    case 'nothing':
      return 'move'
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
