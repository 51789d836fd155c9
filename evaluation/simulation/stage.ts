import { type AppError, toAppError } from '../../common/errors.ts'
import type { Cluster, Machine } from './cluster/cluster.ts'
import type { Expectations } from './expectations.ts'
import type { Monitor } from './monitor.ts'
import type { Deed } from './script.ts'

export type DeedOf<Kind extends Deed['do']> = Extract<Deed, { do: Kind }>

/** A cluster to which a script does something, and those that watch. */
export class Stage {
  readonly cluster: Cluster
  readonly expectations: Expectations
  readonly monitor: Monitor
  /** Contents of which a copy was damaged or removed, unnoticed. */
  readonly damaged = new Set<string>()

  constructor(
    cluster: Cluster,
    dependencies: { readonly expectations: Expectations; readonly monitor: Monitor },
  ) {
    this.cluster = cluster
    this.expectations = dependencies.expectations
    this.monitor = dependencies.monitor
  }

  machine(peer: number): Machine {
    const machine = this.cluster.machines[peer]
    if (machine === undefined) throw new RangeError(`no peer ${peer}`)
    return machine
  }

  /** The name of a host by its number; the index is -1. */
  host(peer: number): string {
    return peer < 0 ? 'index' : this.machine(peer).peerId
  }

  note(who: string, error: AppError): void {
    this.cluster.events.add(who, `refused: ${error.code}`)
  }

  /** Runs a request of a user, whose peer may end meanwhile. */
  ask(machine: Machine, work: () => Promise<void>): void {
    work().catch((error: unknown) => this.note(machine.peerId, toAppError(error)))
  }
}
