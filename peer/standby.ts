import { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import type { Log } from '../common/log.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { Announcer } from './announce/announcer.ts'
import type { AskedIndex, IndexAbsence } from './announce/asked-index.ts'
import type { Member } from './mesh/member.ts'
import { atIndex, awayAfterMs, nextStandby, type StandbyState } from './mesh/standby-policy.ts'

/** How often it is looked at which index to ask. */
const lookEveryMs = 500

interface Dependencies {
  /** The registration at the index of the cluster. */
  readonly index: Announcer
  /** That at this peer's own index. */
  readonly own: Announcer
  readonly members: () => Iterable<Pick<Member, 'state' | 'record'>>
  /** Whether the own index acts has changed. */
  readonly onActing: () => void
  /** What {@link Standby.reach} says has changed. */
  readonly onReach: () => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Has this peer ask the index of its cluster and, while that is away, its own, which knows what gossip
 * says. This peer is registered at both all the time.
 */
export class Standby implements AskedIndex, AsyncDisposable {
  readonly #deadAfterMs: number
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  #state: StandbyState = atIndex
  #reach: 'reached' | 'away' = 'away'
  /** When it was noticed that the index does not answer, although it is connected. */
  #silentMs = Number.NEGATIVE_INFINITY
  /** Aborted when another index is asked. */
  #asking = new AbortController()

  private constructor({ deadAfterMs }: { deadAfterMs: number }, dependencies: Dependencies) {
    this.#deadAfterMs = deadAfterMs
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  static start(options: { deadAfterMs: number }, dependencies: Dependencies): Standby {
    const standby = new Standby(options, dependencies)
    standby.#background.start('watch the index', (signal) => standby.#watch(signal))
    return standby
  }

  get address(): string {
    return this.#dependencies.index.address
  }

  get awayMs(): number {
    return this.#asked.awayMs
  }

  get connection(): Connection | undefined {
    return this.#asked.connection
  }

  get state(): AskedIndex['state'] {
    return this.#asked.state
  }

  get hasRegistered(): boolean {
    return this.#asked.hasRegistered
  }

  /** A request waits until it is clear which index answers. */
  get waitMs(): number | undefined {
    return this.#state.asks === 'own' ? undefined : awayAfterMs + 2 * lookEveryMs
  }

  get silence(): AskedIndex['silence'] {
    if (this.#state.asks === 'own') return undefined
    return {
      afterMs: awayAfterMs,
      report: () => {
        this.#silentMs = this.#dependencies.clock.monotonicMs()
        this.#look()
      },
    }
  }

  get switched(): AbortSignal {
    return this.#asking.signal
  }

  get absence(): IndexAbsence | undefined {
    const { index } = this.#dependencies
    const { asks, isActing } = this.#state
    if (asks === 'index') return undefined
    const { address, awayMs, state } = index
    const error = state.name === 'connecting' ? state.error : undefined
    return { address, awayMs, isActing, ...(error && { error }) }
  }

  /** Whether the own index acts for the one that is away. */
  get isActing(): boolean {
    return this.#state.isActing
  }

  /** Whether this peer reaches the index, for others. */
  get reach(): 'reached' | 'away' {
    const { connection, state } = this.#dependencies.index
    return connection !== undefined || state.name === 'refused' ? 'reached' : 'away'
  }

  async connected(signal: AbortSignal, options?: { isHurried?: boolean }): Promise<Connection> {
    for (;;) {
      signal.throwIfAborted()
      const { switched } = this
      try {
        return await this.#asked.connected(AbortSignal.any([signal, switched]), options)
      } catch (error) {
        if (signal.aborted || !switched.aborted) throw error
      }
    }
  }

  leaveForGood(): void {
    this.#dependencies.index.leaveForGood()
    this.#dependencies.own.leaveForGood()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  get #asked(): Announcer {
    const { index, own } = this.#dependencies
    return this.#state.asks === 'index' ? index : own
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#look()
      await this.#dependencies.clock.sleep(lookEveryMs, signal)
    }
  }

  #look(): void {
    const { index, members, clock, log, onActing, onReach } = this.#dependencies
    const live = [...members()].filter(({ state }) => state === 'live')
    const count = (reach: 'reached' | 'away'): number =>
      live.filter(({ record }) => record.index === reach).length
    const signs = {
      nowMs: clock.monotonicMs(),
      // A request that waited so long shows it, until the index answers something.
      awayMs: index.heardMs >= this.#silentMs ? index.awayMs : Math.max(index.awayMs, awayAfterMs),
      isRefused: index.state.name === 'refused',
      isTold: index.isTold,
      othersReaching: count('reached'),
      othersAway: count('away'),
    }
    const before = this.#state
    this.#state = nextStandby(before, signs, { deadAfterMs: this.#deadAfterMs })
    const { asks, isActing } = this.#state
    if (asks !== before.asks) {
      const details = { index: index.address, awayMs: signs.awayMs }
      if (asks === 'own')
        log.warn(details, 'the index is away: this peer answers from what it knows of other peers')
      else log.info(details, 'the index is asked again')
      this.#asking.abort()
      this.#asking = new AbortController()
    }
    if (isActing !== before.isActing) {
      if (isActing) log.warn('the peers keep the copies of files without the index')
      onActing()
    }
    if (this.reach === this.#reach) return
    this.#reach = this.reach
    onReach()
  }
}
