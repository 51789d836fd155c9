/** The fixture of the store contract. */
import { createHash } from 'node:crypto'
import type { Change, CopyKind } from '../../common/protocol/messages.ts'
import type { Announced, Announcement, IndexStore, Registration } from './store.ts'

export interface OpenedStore extends AsyncDisposable {
  readonly store: IndexStore
  /** Awaits a write that the store may delay to group it. */
  commit<T>(write: Promise<T>): Promise<T>
  /** Lets time pass, in milliseconds. */
  pass(ms: number): Promise<void>
  /** Closes the store and opens it again on the same files. */
  reopen(): Promise<void>
}

export type OpenStore = () => Promise<OpenedStore>

export const epoch = '0123456789abcdef'
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export function registration(peerId: string, fields: Partial<Registration> = {}): Registration {
  const address = { host: 'h', port: 1, zone: undefined }
  return { peerId, ...address, freeBytes: 5, epoch, heardMs: 6.75, ...fields }
}

interface PutOptions {
  readonly kind?: CopyKind
  readonly owner?: string
  readonly modifiedMs?: number
  readonly chunkRoot?: string
  readonly version?: string
  readonly damaged?: true
}

export function put(name: string, text: string, options: PutOptions = {}): Change {
  const sha256 = hashOf(text)
  const content = { sha256, size: text.length, chunkRoot: sha256 }
  return { op: 'put', seq: 1, kind: 'shared', name, ...content, modifiedMs: 1, ...options }
}

export function drop(
  name: string,
  options: Pick<PutOptions, 'kind' | 'owner' | 'version'> = {},
): Change {
  return { op: 'drop', seq: 1, kind: 'shared', name, ...options }
}

/** A peer whose changes are numbered automatically. */
export async function announcerOf(opened: OpenedStore, peerId: string) {
  await opened.commit(opened.store.register(registration(peerId)))
  let seq = 0
  return async (...changes: Change[]): Promise<Announced> => {
    const announcement: Announcement = {
      peerId,
      epoch,
      previousSeq: seq,
      lastSeq: seq + 1,
      changes,
    }
    const full = seq++ === 0 ? { begin: true, end: true } : {}
    return await opened.commit(opened.store.announce({ ...announcement, ...full }))
  }
}
