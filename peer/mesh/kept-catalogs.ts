import { join } from 'node:path'
import Type from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { JsonFile } from '../../common/json-file.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { PeerId, Sequence } from '../../common/protocol/fields.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { concerningChange, type HeldFiles } from './concerning-change.ts'

type Announcement = RequestOf<'announce'>

/** A catalog is read again when this part of the room is free. */
const roomForMore = 0.2
/** How often it is looked whether there is room for one more. */
const readAgainMs = 10_000

const NotKept = Type.Object({
  members: Type.Array(Type.Object({ peerId: PeerId, askedSeq: Sequence }), {
    maxItems: limits.meshMembersMax,
  }),
})

interface Dependencies {
  /** Size of the own index's database. */
  readonly usedBytes: () => number
  readonly held: HeldFiles
  /** The last change of this peer's own catalog. */
  readonly ownSeq: () => number
  /** Whether all catalogs are kept has changed. */
  readonly onKeepsAll: () => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Bounds what the own index stores of other members' catalogs. Beyond the bound it stores only what
 * concerns files that this peer has; such a catalog is *not kept*, until it has been read again, whole.
 */
export class KeptCatalogs {
  readonly #bytesMax: number
  readonly #file: JsonFile<typeof NotKept> | undefined
  readonly #dependencies: Dependencies
  /** By peer id, with the last change of this peer's catalog about whose content the member was asked. */
  readonly #notKept = new Map<string, number>()
  /** Whether members were asked since that was last written. */
  #isAsked = false
  /** Those whose full inventory has begun, and been stored whole so far. */
  readonly #wholeSoFar = new Set<string>()

  /**
   * Reads which catalogs were not kept in an earlier run.
   * @param options `folder` for its file, `not-kept.json`; undefined to remember nothing; none: the next run reads all catalogs
   */
  static async open(
    options: { bytesMax: number; folder: string | undefined },
    dependencies: Dependencies,
  ): Promise<KeptCatalogs> {
    const kept = new KeptCatalogs(options, dependencies)
    for (const { peerId, askedSeq } of (await kept.#file?.read())?.members ?? [])
      kept.#notKept.set(peerId, askedSeq)
    return kept
  }

  private constructor(
    options: { bytesMax: number; folder: string | undefined },
    dependencies: Dependencies,
  ) {
    const { bytesMax, folder } = options
    this.#bytesMax = bytesMax
    this.#dependencies = dependencies
    if (folder === undefined) return
    const path = join(folder, 'not-kept.json')
    this.#file = new JsonFile({ path, schema: NotKept }, dependencies)
  }

  /**
   * The members whose catalogs are not kept. What this peer has got after the change `askedSeq` of its own
   * catalog they may have, too, without its own index knowing.
   */
  get notKept(): ReadonlyMap<string, number> {
    return this.#notKept
  }

  /** A member was asked about all that this peer had at a change of its catalog. */
  onAsked(peerId: string, askedSeq: number): void {
    if (this.#notKept.has(peerId)) this.#notKept.set(peerId, askedSeq)
    this.#isAsked = true
  }

  get keepsAll(): boolean {
    return this.#notKept.size === 0
  }

  /** While there is room, has one catalog after the other read again until the signal is aborted. */
  async follow(readAgain: (peerId: string) => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#dependencies.clock.sleep(readAgainMs, signal)
      if (this.#isAsked) await this.#write()
      const [next] = this.#notKept
      if (next === undefined || !this.#hasRoom(1 - roomForMore)) continue
      // It may not succeed: another one is next.
      const [peerId, askedSeq] = next
      this.#notKept.delete(peerId)
      this.#notKept.set(peerId, askedSeq)
      readAgain(peerId)
    }
  }

  /**
   * What to store of an announcement: all of it while there is room. To be called in the order of the
   * announcements, each before it is stored.
   */
  async toStore(peerId: string, announcement: Announcement): Promise<Announcement> {
    const { begin, changes } = announcement
    if (begin === true) this.#wholeSoFar.add(peerId)
    const isWhole = !this.#notKept.has(peerId) || this.#wholeSoFar.has(peerId)
    if (isWhole && this.#hasRoom(1)) return announcement
    const { held } = this.#dependencies
    const part = changes.map((change) => concerningChange(change, peerId, held))
    if (part.every((change, place) => change === changes[place])) return announcement
    await this.#lose(peerId)
    return { ...announcement, changes: part }
  }

  /** An announcement was stored, as `toStore` returned it. */
  async onStored(peerId: string, { end }: Announcement): Promise<void> {
    if (end !== true || !this.#wholeSoFar.delete(peerId)) return
    if (!this.#notKept.delete(peerId)) return
    await this.#write()
    if (this.keepsAll) this.#dependencies.onKeepsAll()
  }

  #hasRoom(part: number): boolean {
    return this.#dependencies.usedBytes() <= part * this.#bytesMax
  }

  async #lose(peerId: string): Promise<void> {
    this.#wholeSoFar.delete(peerId)
    if (this.#notKept.has(peerId)) return
    this.#notKept.set(peerId, this.#dependencies.ownSeq())
    if (this.#notKept.size === 1) this.#dependencies.onKeepsAll()
    this.#dependencies.log.info({ peerId }, 'there is no room for the catalog of a member')
    await this.#write()
  }

  /** Before a part is stored: the next run must not take it for the whole. */
  async #write(): Promise<void> {
    try {
      const members = Array.from(this.#notKept, ([peerId, askedSeq]) => ({ peerId, askedSeq }))
      await this.#file?.write({ members: members.slice(-limits.meshMembersMax) })
      this.#isAsked = false
    } catch (error) {
      this.#dependencies.log.warn(
        { reason: reasonOf(error) },
        'which catalogs are not kept is not written',
      )
    }
  }
}
