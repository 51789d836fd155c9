import type { CallRequest } from '../api/calls.ts'
import type { Rebalance } from '../api/cluster-shapes.ts'

/** A rebalance that runs until it is stopped. */
export class FakeRebalance {
  /** What it would move. */
  plan: NonNullable<Rebalance['plan']> = { flows: [], contents: 0, bytes: 0, isPartial: false }
  progress: Omit<Rebalance, 'plan'> = {
    state: 'idle',
    movedContents: 0,
    movedBytes: 0,
    leftBytes: 0,
    bytesPerSecond: 10_000_000,
  }

  show({ plan }: CallRequest<'rebalance'>): Rebalance {
    return plan ? { ...this.progress, plan: this.plan } : this.progress
  }

  start(): Rebalance {
    const { bytes: leftBytes } = this.plan
    this.progress = { ...this.progress, state: 'running', cause: 'command', leftBytes }
    return { ...this.progress, plan: this.plan }
  }

  stop(): Rebalance {
    if (this.progress.state === 'running')
      this.progress = { ...this.progress, state: 'stopped', leftBytes: 0 }
    return this.progress
  }
}
