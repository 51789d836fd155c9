import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore, StrayReplica } from '../store/store.ts'

/** Changes within this time are handled together. */
const gatherMs = 100
/**
 * Delay before a peer is asked again about copies that it did not move, as while it reads its folders
 * after a crash; doubled each time, up to the second.
 */
const relabelRetryMs = { first: 2_000, max: 60_000 } as const
/** Moving 256 files takes a second on a slow disk. */
const relabelDeadlineMs = 30_000
/**
 * Peers that are asked at the same time: their requests and announcements are the work of the index,
 * and a few that do not answer hold up no others.
 */
const peersAtOnceMax = 16

interface Dependencies {
  readonly store: Pick<IndexStore, 'strays'>
  /** Those that this index asks. */
  readonly peers: () => Iterable<Peer>
  /** One of them; undefined if this index does not ask it. */
  readonly peerOf: (peerId: string) => Pick<Peer, 'state'> | undefined
  /** Asks a peer to move copies; returns for each whether it did. */
  readonly relabel: (
    peerId: string,
    copies: Relabelling[],
    options: { signal: AbortSignal; deadlineMs: number },
  ) => Promise<readonly boolean[]>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Has peers move replicas that their files no longer need to the names of files that have the same
 * content, as after a rename. Nothing is copied or lost, so that neither the factor nor the brake
 * matters.
 */
export class Relabels implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  readonly #wakeUp = new WakeUp()
  /** Peers that may have such replicas. */
  readonly #toCheck = new Set<string>()
  /** Peers that are asked now. */
  readonly #asked = new Set<string>()
  /** How often peers have not moved all copies, without an interruption. */
  readonly #failures = new Map<string, number>()
  /** Peers that are asked again later. */
  readonly #waiting = new Set<string>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  start(): void {
    this.#background.start('relabel replicas', (signal) => this.#run(signal))
  }

  /** Some replicas are no longer needed by their files; any peer may have one. */
  onStrays(): void {
    for (const { peerId, state } of this.#dependencies.peers())
      if (state === 'live') this.#toCheck.add(peerId)
    this.#wakeUp.notify()
  }

  /** A peer has become live. */
  onLive(peerId: string): void {
    if (this.#dependencies.peerOf(peerId) === undefined) return
    this.#toCheck.add(peerId)
    this.#wakeUp.notify()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    for (;;) {
      await this.#wakeUp.until(() => this.#next() !== undefined || undefined, signal)
      await clock.sleep(gatherMs, signal)
      for (let peerId = this.#next(); peerId !== undefined; peerId = this.#next())
        this.#startAt(peerId)
    }
  }

  /** A peer to ask, if there is one that is not asked now. */
  #next(): string | undefined {
    if (this.#asked.size >= peersAtOnceMax) return undefined
    return this.#toCheck.values().find((peerId) => !this.#asked.has(peerId))
  }

  #startAt(peerId: string): void {
    this.#toCheck.delete(peerId)
    this.#asked.add(peerId)
    this.#background.start('relabel replicas of a peer', async (signal) => {
      try {
        if (await this.#relabelAt(peerId, signal)) this.#retryLater(peerId)
        else this.#failures.delete(peerId)
      } finally {
        this.#asked.delete(peerId)
        this.#wakeUp.notify()
      }
    })
  }

  #retryLater(peerId: string): void {
    if (this.#waiting.has(peerId)) return
    this.#waiting.add(peerId)
    const failures = this.#failures.get(peerId) ?? 0
    this.#failures.set(peerId, failures + 1)
    const delayMs = Math.min(relabelRetryMs.max, relabelRetryMs.first * 2 ** failures)
    this.#background.start('retry relabelling', async (signal) => {
      await this.#dependencies.clock.sleep(delayMs, signal)
      this.#waiting.delete(peerId)
      // Another one is asked when it is live again.
      if (this.#dependencies.peerOf(peerId)?.state === 'live') this.onLive(peerId)
      else this.#failures.delete(peerId)
    })
  }

  /** @returns whether the peer has replicas that it did not move */
  async #relabelAt(peerId: string, signal: AbortSignal): Promise<boolean> {
    const { store, relabel, log } = this.#dependencies
    const options = { signal, deadlineMs: relabelDeadlineMs }
    let isAnyLeft = false
    try {
      for (let after: StrayReplica | undefined; ; ) {
        const strays = await store.strays(peerId, limits.tasksPerRequestMax, after)
        after = strays.at(-1)
        if (after === undefined) return isAnyLeft
        const moved = await relabel(peerId, strays.map(relabellingOf), options)
        isAnyLeft ||= strays.some((_, place) => moved[place] !== true)
      }
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ peerId, reason: reasonOf(error) }, 'replicas were not relabelled')
      return true
    }
  }
}

function relabellingOf({ owner, name, version, sha256, to }: StrayReplica): Relabelling {
  const from = { owner, name }
  return { from, to, sha256, ...(version !== '' && { version }) }
}
