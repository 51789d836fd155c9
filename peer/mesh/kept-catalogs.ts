import { join } from 'node:path'
import Type from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { JsonFile } from '../../common/json-file.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { PeerId } from '../../common/protocol/fields.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { concerningChange, type HeldFiles } from './concerning-change.ts'

type Announcement = RequestOf<'announce'>

/** A catalog is read again when this part of the room is free. */
const roomForMore = 0.2
/** How often it is looked whether there is room for one more. */
const readAgainMs = 10_000

const NotKept = Type.Object({
  members: Type.Array(PeerId, { maxItems: limits.meshMembersMax }),
})

interface Dependencies {
  /** Size of the own index's database. */
  readonly usedBytes: () => number
  readonly held: HeldFiles
  readonly clock: Clock
  readonly log: Log
}

/**
 * Bounds what the own index stores of other members' catalogs. Beyond the bound it stores only what
 * concerns files that this peer has; such a catalog is *not kept*, until it has been read again, whole.
 */
export class KeptCatalogs {
  readonly #bytesMax: number
  readonly #file: JsonFile<typeof NotKept>
  readonly #dependencies: Dependencies
  readonly #notKept = new Set<string>()
  /** Those whose full inventory has begun, and been stored whole so far. */
  readonly #wholeSoFar = new Set<string>()

  /**
   * Reads which catalogs were not kept in an earlier run.
   * @param options `folder` for its file, `not-kept.json`; none: the next run reads all catalogs
   */
  static async open(
    options: { bytesMax: number; folder: string | undefined },
    dependencies: Dependencies,
  ): Promise<KeptCatalogs> {
    const kept = new KeptCatalogs(options, dependencies)
    for (const peerId of (await kept.#file.read())?.members ?? []) kept.#notKept.add(peerId)
    return kept
  }

  private constructor(
    options: { bytesMax: number; folder: string | undefined },
    dependencies: Dependencies,
  ) {
    const { bytesMax, folder } = options
    this.#bytesMax = bytesMax
    this.#dependencies = dependencies
    this.#file = new JsonFile(
      { path: folder && join(folder, 'not-kept.json'), schema: NotKept },
      dependencies,
    )
  }

  /** The members whose catalogs are not kept. */
  get notKept(): ReadonlySet<string> {
    return this.#notKept
  }

  /** While there is room, has one catalog after the other read again until the signal is aborted. */
  async follow(readAgain: (peerId: string) => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#dependencies.clock.sleep(readAgainMs, signal)
      const [next] = this.#notKept
      if (next === undefined || !this.#hasRoom(1 - roomForMore)) continue
      // It may not succeed: another one is next.
      this.#notKept.delete(next)
      this.#notKept.add(next)
      readAgain(next)
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
    if (this.#notKept.delete(peerId)) await this.#write()
  }

  #hasRoom(part: number): boolean {
    return this.#dependencies.usedBytes() <= part * this.#bytesMax
  }

  async #lose(peerId: string): Promise<void> {
    this.#wholeSoFar.delete(peerId)
    if (this.#notKept.has(peerId)) return
    this.#notKept.add(peerId)
    this.#dependencies.log.info({ peerId }, 'there is no room for the catalog of a member')
    await this.#write()
  }

  /** Before a part is stored: the next run must not take it for the whole. */
  async #write(): Promise<void> {
    try {
      await this.#file.write({ members: [...this.#notKept].slice(-limits.meshMembersMax) })
    } catch (error) {
      this.#dependencies.log.warn(
        { reason: reasonOf(error) },
        'which catalogs are not kept is not written',
      )
    }
  }
}
