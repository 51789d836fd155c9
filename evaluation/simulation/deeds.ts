import { AppError, hasCode, toAppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { copiesIn } from '../soak/known-copies.ts'
import type { Cluster, Machine } from './cluster/cluster.ts'
import { writtenIn } from './cluster/simulated-disk.ts'
import { type Expectations, type ExpectedFile, hasContent } from './expectations.ts'
import type { Monitor } from './monitor.ts'
import type { Action, Deed, DrawnContent } from './script.ts'

/** A process without traffic ends after this, if it is to end after its next packet: three heartbeats. */
const packetWaitMs = 60_000
/** The index may not know for this long that a disk was lost: the longest cut, and some. */
const lossUnknownMs = 900_000
/** Interval of asking whether a pushed file has its copies. */
const pushPollMs = 1_000

type DeedOf<Kind extends Deed['do']> = Extract<Deed, { do: Kind }>

const contents = new Map<string, Buffer>()

/** The bytes of a drawn content; the same buffer each time. */
function bytesOf({ number, bytes }: DrawnContent): Buffer {
  const key = `${number} ${bytes}`
  const known = contents.get(key) ?? seededRandom(`content ${key}`).bytes(bytes)
  contents.set(key, known)
  return known
}

/** Does to a cluster what a script says, and tells what must follow from it. */
export class Deeds {
  readonly #cluster: Cluster
  readonly #expectations: Expectations
  readonly #monitor: Monitor
  /** Files whose push was acknowledged, by owner, name and content. */
  readonly #acknowledged = new Set<string>()
  /** Peers that may be draining. */
  readonly #drained = new Set<string>()
  /** Contents of which a copy was damaged. */
  readonly #damaged = new Set<string>()

  constructor(cluster: Cluster, dependencies: { expectations: Expectations; monitor: Monitor }) {
    this.#cluster = cluster
    this.#expectations = dependencies.expectations
    this.#monitor = dependencies.monitor
  }

  async carryOut(action: Action): Promise<void> {
    const { atMs: _, ...deed } = action
    this.#cluster.events.add('script', JSON.stringify(deed))
    try {
      await this.#carryOut(deed)
    } catch (error) {
      this.#note('script', toAppError(error))
    }
  }

  /** Ends all faults, and starts all processes. */
  async healAll(): Promise<void> {
    const { network, machines } = this.#cluster
    network.unblockAll()
    for (const machine of machines) {
      machine.disk.isLying = false
      machine.disk.isFilled = false
      machine.run?.host.restoreSpeed()
      await this.#cluster.startPeer(machine)
    }
    await this.#cluster.startIndex()
    const asker = machines.find(({ run }) => run !== undefined)
    if (asker !== undefined) for (const drained of this.#drained) this.#undrain(asker, drained)
  }

  /** Every peer reads all of its copies again. */
  scrubAll(): void {
    for (const { run } of this.#cluster.machines) run?.peer.share.scrub()
  }

  async #carryOut(deed: Deed): Promise<void> {
    switch (deed.do) {
      case 'write':
        return this.#write(deed)
      case 'push':
        return this.#push(deed)
      case 'unshare':
        return this.#unshare(deed)
      case 'move':
        return this.#move(deed)
      case 'download':
        return this.#download(deed)
      case 'drain':
        return this.#drain(deed)
      case 'maintain':
        return this.#maintain(deed)
      case 'crash':
        return this.#crash(deed)
      case 'stop':
        return this.#stop(deed)
      case 'crash-index':
        return this.#crashIndex(deed)
      case 'cut':
        return this.#cut(deed)
      case 'reset':
        return this.#cluster.network.reset(this.#host(deed.peer), this.#host(deed.other))
      case 'slow':
        return this.#slow(deed)
      case 'fill':
        return this.#during(deed, ({ disk }, isOn) => void (disk.isFilled = isOn))
      case 'lie':
        return this.#during(deed, ({ disk }, isOn) => void (disk.isLying = isOn))
      case 'remove':
        return this.#remove(deed)
      case 'vanish':
        return this.#vanish(deed)
      case 'flip':
        return this.#flip(deed)
      case 'jump':
        return this.#jump(deed)
    }
  }

  #machine(peer: number): Machine {
    const machine = this.#cluster.machines[peer]
    if (machine === undefined) throw new RangeError(`no peer ${peer}`)
    return machine
  }

  #host(peer: number): string {
    return peer < 0 ? 'index' : this.#machine(peer).peerId
  }

  #note(who: string, error: AppError): void {
    this.#cluster.events.add(who, `refused: ${error.code}`)
  }

  /** Runs a request of a user, whose peer may end meanwhile. */
  #ask(machine: Machine, work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#note(machine.peerId, toAppError(error)))
  }

  #write({ peer, name, content }: DeedOf<'write'>): void {
    const { peerId, disk, run, isGone } = this.#machine(peer)
    if (isGone) return
    const bytes = bytesOf(content)
    if (run === undefined) disk.write(`/${peerId}/shared/${name}`, bytes)
    else run.peer.share.writeShared(name, bytes)
    this.#expectations.onChanged(peerId, name)
  }

  #push({ peer, name, content }: DeedOf<'push'>): void {
    const machine = this.#machine(peer)
    const { run, peerId } = machine
    if (run === undefined) return
    const { finder, share } = run.peer
    this.#ask(machine, async () => {
      if (share.catalog.isUnshared(name)) await finder.share(name)
      const entry = share.receive(name, bytesOf(content))
      this.#expectations.onChanged(peerId, name, { isPush: true })
      await finder.share(name).catch((error: unknown) => {
        if (!hasCode(error, 'INDEX_UNREACHABLE')) throw error
      })
      await this.#awaitCopies(machine, { owner: peerId, name, sha256: entry.content.sha256 })
    })
  }

  /** As `push --wait` does; afterwards the copies must be there. */
  async #awaitCopies(machine: Machine, file: ExpectedFile): Promise<void> {
    const { run } = machine
    const { clock } = this.#cluster
    const { name, sha256 } = file
    const factor = this.#cluster.settings.replicationFactor
    for (let ms = 0; ms < deadlines.pushCopiesMs; ms += pushPollMs) {
      if (run === undefined || machine.run !== run) return
      const { contents: found } = await run.peer.finder.why(name).catch(() => ({ contents: [] }))
      const copies = found.find((content) => content.sha256 === sha256)?.copies ?? []
      const living = copies.filter(({ state }) => state !== 'dead')
      if (new Set(living.map(({ peerId }) => peerId)).size >= factor)
        return this.#acknowledge(file, factor)
      await clock.sleep(pushPollMs)
    }
    this.#cluster.events.add(machine.peerId, `copies of ${name} are pending`)
  }

  #acknowledge(file: ExpectedFile, factor: number): void {
    const { owner, name, sha256 } = file
    this.#cluster.events.add(owner, `acknowledged ${name}`)
    this.#acknowledged.add(`${owner}/${name} ${sha256}`)
    const { machines, clock } = this.#cluster
    const holders = machines.filter((machine) => hasContent(machine, sha256))
    const lost = machines.filter(
      ({ diskLostAtMs }) => clock.elapsedMs - diskLostAtMs < lossUnknownMs,
    )
    if (holders.length + lost.length < factor)
      this.#monitor.violation(`${owner}/${name} is acknowledged with ${holders.length} copies`)
  }

  #unshare({ peer, name }: DeedOf<'unshare'>): void {
    const machine = this.#machine(peer)
    const { run, peerId: owner } = machine
    if (run?.peer.share.catalog.get({ kind: 'shared', name }) === undefined) return
    const { finder, share } = run.peer
    this.#ask(machine, async () => {
      this.#expectations.onUnshare(owner, name, false)
      await finder.unshare({ name, owner, force: false })
      share.unshare(name)
      this.#expectations.onUnshare(owner, name, true)
    })
  }

  #move({ peer, name, to }: DeedOf<'move'>): void {
    const { peerId, disk, run } = this.#machine(peer)
    const pathOf = (file: string): string => `/${peerId}/shared/${file}`
    if (!disk.files.has(pathOf(name)) || name === to) return
    if (run !== undefined) run.peer.share.moveShared(name, to)
    else if (to === undefined) disk.remove(pathOf(name))
    else disk.move(pathOf(name), pathOf(to))
    this.#expectations.onChanged(peerId, name)
    if (to !== undefined) this.#expectations.onChanged(peerId, to)
  }

  #download({ peer, name }: DeedOf<'download'>): void {
    this.#machine(peer).run?.peer.downloads.start({ name })
  }

  #drain({ peer, target, forMs }: DeedOf<'drain' | 'maintain'>): void {
    const machine = this.#machine(peer)
    const { run } = machine
    const drained = this.#host(target)
    if (run === undefined) return
    this.#ask(machine, async () => {
      this.#drained.add(drained)
      await run.peer.finder.drain(drained)
    })
    this.#cluster.clock.after(forMs, () => this.#undrain(machine, drained))
  }

  /** An answer that does not arrive is no answer: {@link healAll} asks again. */
  #undrain(machine: Machine, drained: string): void {
    const { run } = machine
    if (run === undefined || !this.#drained.has(drained)) return
    this.#ask(machine, async () => {
      await run.peer.finder.undrain(drained)
      this.#drained.delete(drained)
    })
  }

  #maintain({ peer, target, forMs }: DeedOf<'drain' | 'maintain'>): void {
    const machine = this.#machine(peer)
    const { run } = machine
    if (run === undefined) return
    this.#ask(machine, async () => {
      await run.peer.finder.maintain(this.#host(target), forMs)
    })
  }

  #crash({ peer, forMs, isDiskLost, awaits }: DeedOf<'crash'>): void {
    const machine = this.#machine(peer)
    const { clock } = this.#cluster
    this.#soon(machine.peerId, awaits, () => {
      if (isDiskLost) this.#onDiskLost(machine)
      this.#cluster.crashPeer(machine, { isDiskLost })
      clock.after(forMs, () => this.#start(machine))
    })
  }

  #start(machine: Machine): void {
    this.#ask(machine, () => this.#cluster.startPeer(machine))
  }

  #onDiskLost(machine: Machine): void {
    const { index, settings } = this.#cluster
    const known = index === undefined ? [] : copiesIn(index.database)
    this.#expectations.onDiskLost(machine, ({ owner, name, sha256 }) => {
      if (this.#acknowledged.has(`${owner}/${name} ${sha256}`)) return true
      const holders = known.filter((copy) => copy.isWanted && copy.sha256 === sha256)
      return new Set(holders.map(({ peerId }) => peerId)).size >= settings.replicationFactor
    })
  }

  #stop({ peer, forMs }: DeedOf<'stop'>): void {
    const machine = this.#machine(peer)
    const { run } = machine
    if (run === undefined) return
    this.#ask(machine, async () => {
      await run.peer[Symbol.asyncDispose]()
      if (machine.run !== run) return
      this.#cluster.crashPeer(machine)
      this.#cluster.clock.after(forMs, () => this.#start(machine))
    })
  }

  #crashIndex({ forMs, isDiskLost, awaits }: DeedOf<'crash-index'>): void {
    this.#soon('index', awaits, () => {
      this.#cluster.crashIndex({ isDiskLost })
      this.#monitor.onIndexEnded()
      this.#cluster.clock.after(forMs, () => {
        this.#cluster.startIndex().catch((error: unknown) => this.#note('index', toAppError(error)))
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
    this.#cluster.onNextPacket(host, awaits, once)
    this.#cluster.clock.after(packetWaitMs, once)
  }

  #cut({ from, to, isOneWay, forMs }: DeedOf<'cut'>): void {
    const { network, clock } = this.#cluster
    const ways = from.flatMap((one) =>
      to.flatMap((other): [string, string][] => {
        const way: [string, string] = [this.#host(one), this.#host(other)]
        return isOneWay ? [way] : [way, [way[1], way[0]]]
      }),
    )
    for (const [one, other] of ways) network.block(one, other)
    clock.after(forMs, () => {
      for (const [one, other] of ways) network.unblock(one, other)
    })
  }

  #slow({ bytesPerMs, delayMs, ...deed }: DeedOf<'slow'>): void {
    this.#during(deed, ({ run }, isOn) => {
      if (isOn && run !== undefined) Object.assign(run.host.speed, { bytesPerMs, delayMs })
      else run?.host.restoreSpeed()
    })
  }

  #during(
    { peer, forMs }: { readonly peer: number; readonly forMs: number },
    turn: (machine: Machine, isOn: boolean) => void,
  ): void {
    const machine = this.#machine(peer)
    turn(machine, true)
    this.#cluster.clock.after(forMs, () => turn(machine, false))
  }

  #flip({ peer, file }: DeedOf<'flip'>): void {
    const machine = this.#machine(peer)
    const path = this.#expendable(machine, file, '')
    if (path === undefined) return
    this.#cluster.events.add(machine.peerId, `a bit of ${path} flips`)
    machine.disk.flipBit(path)
  }

  #remove({ peer, file }: DeedOf<'remove'>): void {
    const machine = this.#machine(peer)
    const path = this.#expendable(machine, file, `/${machine.peerId}/replicated/`)
    if (path === undefined) return
    this.#cluster.events.add(machine.peerId, `${path} is removed`)
    machine.disk.remove(path)
  }

  /**
   * A file that may be damaged: no other copy of its content was, and another is sound, so that it
   * cannot be lost.
   */
  #expendable(machine: Machine, file: number, folder: string): string | undefined {
    const { files } = machine.disk
    const paths = [...files.keys()].filter((path) => path.startsWith(folder))
    const path = paths[file % paths.length]
    const chosen = path === undefined ? undefined : files.get(path)
    if (chosen === undefined) return undefined
    const sha256 = writtenIn(chosen)
    const others = this.#cluster.machines.filter((other) => other !== machine)
    const isSound = others.some((other) => hasContent(other, sha256))
    if (!isSound || this.#damaged.has(sha256)) return undefined
    this.#damaged.add(sha256)
    return path
  }

  /** At most one machine does, and enough are left. */
  #vanish({ peer, awaits }: DeedOf<'vanish'>): void {
    const { machines, settings } = this.#cluster
    const machine = this.#machine(peer)
    const left = machines.filter(({ isGone }) => !isGone).length - 1
    if (left <= settings.replicationFactor || machines.some(({ isGone }) => isGone)) return
    this.#soon(machine.peerId, awaits, () => {
      this.#onDiskLost(machine)
      machine.isGone = true
      this.#cluster.crashPeer(machine, { isDiskLost: true })
    })
  }

  #jump({ peer, byMs }: DeedOf<'jump'>): void {
    const wall = peer < 0 ? this.#cluster.indexWall : this.#machine(peer).wall
    wall.aheadMs += byMs
  }
}
