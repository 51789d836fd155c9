import { hasCode } from '../../common/errors.ts'
import type { Machine, PeerRun } from './cluster/cluster.ts'
import type { DeedOf, Stage } from './stage.ts'

/** What people decide about a cluster. */
export class Decisions {
  readonly #stage: Stage
  /** Peers that may be draining. */
  readonly #drained = new Set<string>()
  /** The peer that waits for the answer about a rule. */
  #ruling: PeerRun | undefined

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** Repeats, once the faults are over, what has had no answer. */
  askAgain(): void {
    const { cluster, expectations } = this.#stage
    const asker = cluster.machines.find(({ run }) => run !== undefined)
    if (asker === undefined) return
    for (const drained of this.#drained) this.#undrain(asker, drained)
    const peer = cluster.machines.indexOf(asker)
    const [first] = expectations.rules.uncertain
    if (first !== undefined) this.#replicate(peer, ...first)
  }

  drain({ peer, target, forMs }: DeedOf<'drain' | 'maintain'>): void {
    const machine = this.#stage.machine(peer)
    const { run } = machine
    const drained = this.#stage.host(target)
    if (run === undefined) return
    this.#stage.ask(machine, async () => {
      this.#drained.add(drained)
      await run.peer.finder.drain(drained)
    })
    this.#stage.cluster.clock.after(forMs, () => this.#undrain(machine, drained))
  }

  /** An answer that does not arrive is no answer: {@link askAgain} asks again. */
  #undrain(machine: Machine, drained: string): void {
    const { run } = machine
    if (run === undefined || !this.#drained.has(drained)) return
    this.#stage.ask(machine, async () => {
      await run.peer.finder.undrain(drained)
      this.#drained.delete(drained)
    })
  }

  maintain({ peer, target, forMs }: DeedOf<'drain' | 'maintain'>): void {
    const machine = this.#stage.machine(peer)
    const { run } = machine
    if (run === undefined) return
    this.#stage.ask(machine, async () => {
      await run.peer.finder.maintain(this.#stage.host(target), forMs)
    })
  }

  replicate({ peer, pattern, factor }: DeedOf<'replicate'>): void {
    this.#replicate(peer, pattern, factor)
  }

  /** One decision at a time: of two, the users would not know which one was made last. */
  #replicate(peer: number, pattern: string, factor: number | undefined): void {
    const machine = this.#stage.machine(peer)
    const { run } = machine
    const { machines } = this.#stage.cluster
    const isAsking = this.#ruling !== undefined && machines.some((one) => one.run === this.#ruling)
    if (run === undefined || isAsking) return
    const { rules } = this.#stage.expectations
    this.#ruling = run
    rules.onAsked(pattern, factor)
    this.#stage.ask(machine, async () => {
      try {
        await run.peer.finder.setReplication({ pattern, ...(factor !== undefined && { factor }) })
        rules.onAnswered(pattern, factor)
      } catch (error) {
        if (hasCode(error, 'RULE_NOT_FOUND')) rules.onMissing(pattern)
        throw error
      } finally {
        if (this.#ruling === run) this.#ruling = undefined
      }
    })
  }

  forget({ peer, target, isForced }: DeedOf<'forget'>): void {
    this.#withFinder(peer, (finder) => finder.forgetPeer(this.#stage.host(target), isForced))
  }

  rebalance({ peer, action }: DeedOf<'rebalance'>): void {
    this.#withFinder(peer, (finder) => finder.rebalance(action))
  }

  emptyTrash({ peer, pattern, isForced }: DeedOf<'empty-trash'>): void {
    this.#withFinder(peer, (finder) => finder.emptyTrash({ pattern, force: isForced }))
  }

  #withFinder(peer: number, work: (finder: PeerRun['peer']['finder']) => Promise<unknown>): void {
    const machine = this.#stage.machine(peer)
    const { run } = machine
    if (run !== undefined)
      this.#stage.ask(machine, async () => {
        await work(run.peer.finder)
      })
  }
}
