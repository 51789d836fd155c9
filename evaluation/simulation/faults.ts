import { toAppError } from '../../common/errors.ts'
import { copiesIn } from '../soak/known-copies.ts'
import type { Machine } from './cluster/cluster.ts'
import { writtenIn } from './cluster/simulated-disk.ts'
import { hasContent } from './expectations.ts'
import type { DeedOf, Stage } from './stage.ts'

/** A process without traffic ends after this, if it is to end after its next packet: three heartbeats. */
const packetWaitMs = 60_000

/** What breaks in a cluster. */
export class Faults {
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** Ends all faults, and starts all processes. */
  async endAll(): Promise<void> {
    const { network, machines } = this.#stage.cluster
    network.unblockAll()
    for (const machine of machines) {
      machine.disk.isLying = false
      machine.disk.isFilled = false
      machine.run?.host.restoreSpeed()
      await this.#stage.cluster.startPeer(machine)
    }
    await this.#stage.cluster.startIndex()
  }

  crash({ peer, forMs, isDiskLost, awaits }: DeedOf<'crash'>): void {
    const machine = this.#stage.machine(peer)
    const { clock } = this.#stage.cluster
    this.#soon(machine.peerId, awaits, () => {
      if (isDiskLost) this.#onDiskLost(machine)
      this.#stage.cluster.crashPeer(machine, { isDiskLost })
      clock.after(forMs, () => this.#start(machine))
    })
  }

  #start(machine: Machine): void {
    this.#stage.ask(machine, () => this.#stage.cluster.startPeer(machine))
  }

  #onDiskLost(machine: Machine): void {
    const { cluster, expectations } = this.#stage
    const known = cluster.indexes.flatMap(({ database }) => copiesIn(database))
    for (const { peerId, kind, name, sha256 } of known)
      if (peerId === machine.peerId && kind === 'shared')
        expectations.onListed({ owner: peerId, name, sha256 })
    expectations.onDiskLost(machine, (file) => {
      if (expectations.isAcknowledged(file)) return true
      const holders = known.filter((copy) => copy.isWanted && copy.sha256 === file.sha256)
      const factor = expectations.rules.factorOf(file.name)
      return new Set(holders.map(({ peerId }) => peerId)).size >= factor
    })
  }

  stop({ peer, forMs }: DeedOf<'stop'>): void {
    const machine = this.#stage.machine(peer)
    const { run } = machine
    if (run === undefined) return
    this.#stage.ask(machine, async () => {
      await run.peer[Symbol.asyncDispose]()
      if (machine.run !== run) return
      this.#stage.cluster.crashPeer(machine)
      this.#stage.cluster.clock.after(forMs, () => this.#start(machine))
    })
  }

  crashIndex({ forMs, isDiskLost, awaits }: DeedOf<'crash-index'>): void {
    this.#soon('index', awaits, () => {
      if (isDiskLost) this.#stage.expectations.onIndexLost()
      this.#stage.cluster.crashIndex({ isDiskLost })
      this.#stage.monitor.onIndexEnded()
      this.#stage.cluster.clock.after(forMs, () => {
        this.#stage.cluster
          .startIndex()
          .catch((error: unknown) => this.#stage.note('index', toAppError(error)))
      })
    })
  }

  /** Calls `then` some awaits after the next packet, at any point of what the host then does. */
  #soon(host: string, awaits: number, then: () => void): void {
    let isDone = false
    const once = (): void => {
      if (!isDone) then()
      isDone = true
    }
    this.#stage.cluster.onNextPacket(host, awaits, once)
    this.#stage.cluster.clock.after(packetWaitMs, once)
  }

  cut({ from, to, isOneWay, forMs }: DeedOf<'cut'>): void {
    const { network, clock } = this.#stage.cluster
    const ways = from.flatMap((one) =>
      to.flatMap((other): [string, string][] => {
        const way: [string, string] = [this.#stage.host(one), this.#stage.host(other)]
        return isOneWay ? [way] : [way, [way[1], way[0]]]
      }),
    )
    for (const [one, other] of ways) network.block(one, other)
    clock.after(forMs, () => {
      for (const [one, other] of ways) network.unblock(one, other)
    })
  }

  slow({ bytesPerMs, delayMs, ...deed }: DeedOf<'slow'>): void {
    this.#during(deed, ({ run }, isOn) => {
      if (isOn && run !== undefined) Object.assign(run.host.speed, { bytesPerMs, delayMs })
      else run?.host.restoreSpeed()
    })
  }

  /** The disks of some machines are full. */
  fill({ peers, forMs }: DeedOf<'fill'>): void {
    for (const peer of peers)
      this.#during({ peer, forMs }, ({ disk }, isOn) => void (disk.isFilled = isOn))
  }

  lie(deed: DeedOf<'lie'>): void {
    this.#during(deed, ({ disk }, isOn) => void (disk.isLying = isOn))
  }

  reset({ peer, other }: DeedOf<'reset'>): void {
    const { cluster } = this.#stage
    cluster.network.reset(this.#stage.host(peer), this.#stage.host(other))
  }

  #during(
    { peer, forMs }: { readonly peer: number; readonly forMs: number },
    turn: (machine: Machine, isOn: boolean) => void,
  ): void {
    const machine = this.#stage.machine(peer)
    turn(machine, true)
    this.#stage.cluster.clock.after(forMs, () => turn(machine, false))
  }

  flip({ peer, file }: DeedOf<'flip'>): void {
    const machine = this.#stage.machine(peer)
    const path = this.#expendable(machine, file, '')
    if (path === undefined) return
    this.#stage.cluster.events.add(machine.peerId, `a bit of ${path} flips`)
    machine.disk.flipBit(path)
  }

  remove({ peer, file }: DeedOf<'remove'>): void {
    const machine = this.#stage.machine(peer)
    const path = this.#expendable(machine, file, `/${machine.peerId}/replicated/`)
    if (path === undefined) return
    this.#stage.cluster.events.add(machine.peerId, `${path} is removed`)
    machine.disk.remove(path)
  }

  /**
   * A file that may be damaged: no other copy of its content was, and another is sound, so that it
   * cannot be lost.
   */
  #expendable(machine: Machine, file: number, folder: string): string | undefined {
    const { files, recorded } = machine.disk
    const paths = [...files.keys()].filter((path) => path.startsWith(folder))
    const path = paths[file % paths.length]
    const chosen = path === undefined ? undefined : files.get(path)
    if (chosen === undefined || !recorded.has(chosen)) return undefined
    const sha256 = writtenIn(chosen)
    const others = this.#stage.cluster.machines.filter((other) => other !== machine)
    const isSound = others.some((other) => hasContent(other, sha256))
    if (!isSound || this.#stage.damaged.has(sha256)) return undefined
    this.#stage.damaged.add(sha256)
    return path
  }

  /** At most one machine does, and enough are left. */
  vanish({ peer, awaits }: DeedOf<'vanish'>): void {
    const { machines, settings } = this.#stage.cluster
    const machine = this.#stage.machine(peer)
    const left = machines.filter(({ isGone }) => !isGone).length - 1
    if (left <= settings.replicationFactor || machines.some(({ isGone }) => isGone)) return
    this.#soon(machine.peerId, awaits, () => {
      this.#onDiskLost(machine)
      machine.isGone = true
      this.#stage.cluster.crashPeer(machine, { isDiskLost: true })
    })
  }

  jump({ peer, byMs }: DeedOf<'jump'>): void {
    const wall = peer < 0 ? this.#stage.cluster.indexWall : this.#stage.machine(peer).wall
    wall.aheadMs += byMs
  }
}
