import { toAppError } from '../../common/errors.ts'
import { Decisions } from './decisions.ts'
import { Faults } from './faults.ts'
import { blip } from './rest.ts'
import type { Action, Deed } from './script.ts'
import type { Stage } from './stage.ts'
import { UserDeeds } from './user-deeds.ts'

/** Does to a cluster what a script says, and tells what must follow from it. */
export class Deeds {
  readonly #stage: Stage
  readonly #users: UserDeeds
  readonly #decisions: Decisions
  readonly #faults: Faults

  constructor(stage: Stage) {
    this.#stage = stage
    this.#users = new UserDeeds(stage)
    this.#decisions = new Decisions(stage)
    this.#faults = new Faults(stage)
  }

  async carryOut(action: Action): Promise<void> {
    const { atMs: _, ...deed } = action
    this.#stage.cluster.events.add('script', JSON.stringify(deed))
    try {
      await this.#carryOut(deed)
    } catch (error) {
      this.#stage.note('script', toAppError(error))
    }
  }

  /** Ends all faults, starts all processes, and repeats what has had no answer. */
  async healAll(): Promise<void> {
    await this.#faults.endAll()
    this.#decisions.askAgain()
  }

  /** A process is away for too short a time to matter. */
  blip(): Promise<void> {
    return blip(this.#stage, this.#faults)
  }

  /** Every peer reads all of its copies again. */
  scrubAll(): void {
    for (const { run } of this.#stage.cluster.machines) run?.peer.share.scrub()
  }

  async #carryOut(deed: Deed): Promise<void> {
    switch (deed.do) {
      case 'write':
        return this.#users.write(deed)
      case 'push':
        return this.#users.push(deed)
      case 'unshare':
        return this.#users.unshare(deed)
      case 'move':
        return this.#users.move(deed)
      case 'download':
        return this.#users.download(deed)
      case 'restore':
        return this.#users.restore(deed)
      case 'drain':
        return this.#decisions.drain(deed)
      case 'maintain':
        return this.#decisions.maintain(deed)
      case 'replicate':
        return this.#decisions.replicate(deed)
      case 'empty-trash':
        return this.#decisions.emptyTrash(deed)
      case 'forget':
        return this.#decisions.forget(deed)
      case 'rebalance':
        return this.#decisions.rebalance(deed)
      case 'crash':
        return this.#faults.crash(deed)
      case 'stop':
        return this.#faults.stop(deed)
      case 'crash-index':
        return this.#faults.crashIndex(deed)
      case 'cut':
        return this.#faults.cut(deed)
      case 'reset':
        return this.#faults.reset(deed)
      case 'slow':
        return this.#faults.slow(deed)
      case 'fill':
        return this.#faults.fill(deed)
      case 'lie':
        return this.#faults.lie(deed)
      case 'remove':
        return this.#faults.remove(deed)
      case 'vanish':
        return this.#faults.vanish(deed)
      case 'flip':
        return this.#faults.flip(deed)
      case 'jump':
        return this.#faults.jump(deed)
    }
  }
}
