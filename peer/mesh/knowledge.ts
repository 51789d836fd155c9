import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Announcement } from '../../common/protocol/registration-shapes.ts'

/** The catalogs of all members, this peer included, as far as they are known here. */
export interface Knowledge {
  /** The last change of that run of a peer's catalog that is known here; 0 if none. */
  seenSeq(peerId: string, epoch: string): number
  /** Whether a full inventory of it has begun here and not ended. */
  isInventory(peerId: string, epoch: string): boolean
  /**
   * Whether nothing is missing up to `seenSeq`: a full inventory has ended, or changes followed an earlier
   * run. That a catalog is empty has to be told, too.
   */
  isWhole(peerId: string, epoch: string): boolean
  /**
   * Changes after `seq`, as one announcement that fits in a frame; undefined if they are not known
   * that far back, or there are none.
   */
  announcementAfter(
    peerId: string,
    epoch: string,
    seq: number,
    isInventory?: boolean,
  ): Announcement | undefined | Promise<Announcement | undefined>
  /** Has a catalog read from the beginning: then all that its member does not tell is gone. */
  readAgain(peerId: string): void
  /**
   * Applies changes. They are of one member at a time, in order.
   * @throws if they do not follow what is known
   */
  apply(record: MemberRecord, announcement: Announcement): Promise<void>
}
