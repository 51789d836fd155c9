import type { Location } from '../../../peer/share/folders.ts'

/** What the cluster wants to know of a peer's files. */
export interface ShareWatcher {
  /** A file has been put into its place as a copy of this content. */
  onPlaced(at: Location, bytes: Buffer, sha256: string): void
  /** A replica was moved. */
  onMoved(from: Location, to: Location): void
  /** A replica was deleted at the request of the index. */
  onRemoved(at: Location, sha256: string): void
  /** A file no longer has its content. */
  onDamaged(at: Location): void
}
