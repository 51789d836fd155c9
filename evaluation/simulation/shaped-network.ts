import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import {
  type Address,
  formatAddress,
  type Listener,
  type Transport,
  type Wire,
  wireOf,
} from '../../common/protocol/transport.ts'
import { DownLink, type LinkSpeed, UpLink } from './shaped-link.ts'
import { ShapedStream } from './shaped-stream.ts'

/** Latency between hosts, in addition to the transmission time. */
const linkDelayMs = 0.2

interface Door {
  readonly host: ShapedHost
  readonly onConnection: (wire: Wire, remote: Address) => void
}

/** Bytes on the way from one host to another. */
export interface TappedBytes {
  readonly from: string
  readonly to: string
  /** The sending end of the connection. */
  readonly stream: ShapedStream
  readonly bytes: Buffer
  readonly when: 'written' | 'arrived'
}

type Tap = (tapped: TappedBytes) => void

export interface ShapedNetworkOptions {
  /** Speed of each link in either direction. */
  readonly bytesPerMs: number
  /** Additional latency of the next packet; none by default. */
  readonly jitterMs?: () => number
  /** Sees all bytes; see `onBytes` of a {@link ShapedStream}'s way. */
  readonly tap?: Tap
}

/** Hosts with links to one switch, in virtual time. Links may be blocked in either direction. */
export class ShapedNetwork {
  readonly #options: ShapedNetworkOptions
  readonly #clock: Clock
  readonly #doors = new Map<string, Door>()
  readonly #hosts = new Set<ShapedHost>()
  /** Streams with something that has not arrived. */
  readonly #held = new Set<ShapedStream>()
  /** `from to` of each blocked way. */
  readonly #blocked = new Set<string>()

  constructor(options: ShapedNetworkOptions, dependencies: { clock: Clock }) {
    this.#options = options
    this.#clock = dependencies.clock
  }

  /** @param name the host part of its addresses */
  plugIn(name: string): ShapedHost {
    const { bytesPerMs, jitterMs = () => 0, tap = () => {} } = this.#options
    const host = new ShapedHost(
      { name, speed: { bytesPerMs, delayMs: linkDelayMs } },
      {
        doors: this.#doors,
        clock: this.#clock,
        jitterMs,
        tap,
        isBlocked: (from, to) => this.isBlocked(from, to),
        onHeld: (stream) => this.#held.add(stream),
        onUnplugged: (unplugged) => this.#hosts.delete(unplugged),
      },
    )
    this.#hosts.add(host)
    return host
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from} ${to}`)
  }

  /** From now on nothing that one host sends reaches the other. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from} ${to}`)
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(`${from} ${to}`)
    this.#resume()
  }

  unblockAll(): void {
    this.#blocked.clear()
    this.#resume()
  }

  /** Ends all connections between two hosts. */
  reset(one: string, other: string): void {
    for (const host of this.#hosts) if (host.name === one) host.reset(other)
  }

  #resume(): void {
    const held = [...this.#held]
    this.#held.clear()
    for (const stream of held) stream.passHeld()
  }
}

interface HostDependencies {
  readonly doors: Map<string, Door>
  readonly clock: Clock
  readonly jitterMs: () => number
  readonly tap: Tap
  readonly isBlocked: (from: string, to: string) => boolean
  readonly onHeld: (stream: ShapedStream) => void
  readonly onUnplugged: (host: ShapedHost) => void
}

/** A host: its connections and listeners use its link. */
export class ShapedHost implements Transport {
  readonly name: string
  /** A fault may change it. */
  readonly speed: LinkSpeed
  readonly #usualSpeed: LinkSpeed
  readonly #up: UpLink
  readonly #down: DownLink
  readonly #dependencies: HostDependencies
  /** By the host at the other end. */
  readonly #streams = new Map<ShapedStream, string>()
  #nextPort = 1_000
  #isUnplugged = false

  constructor({ name, speed }: { name: string; speed: LinkSpeed }, dependencies: HostDependencies) {
    this.name = name
    this.speed = speed
    this.#usualSpeed = { ...speed }
    this.#dependencies = dependencies
    this.#up = new UpLink(speed, dependencies)
    this.#down = new DownLink(speed, dependencies)
  }

  restoreSpeed(): void {
    Object.assign(this.speed, this.#usualSpeed)
  }

  get sentBytes(): number {
    return this.#up.bytes
  }

  /** A blocked way is silence: then only the signal ends the attempt. */
  async dial(address: Address, { signal }: { signal?: AbortSignal } = {}): Promise<Wire> {
    const { doors, clock, isBlocked } = this.#dependencies
    const handshakeMs = 2 * this.speed.delayMs
    const isCut = isBlocked(this.name, address.host) || isBlocked(address.host, this.name)
    await clock.sleep(isCut ? Number.POSITIVE_INFINITY : handshakeMs, signal)
    const door = doors.get(formatAddress(address))
    if (door === undefined || this.#isUnplugged)
      throw new AppError('DIAL_FAILED', {
        address: formatAddress(address),
        reason: 'connection refused',
      })
    const near = this.#streamTo(door.host)
    const far = door.host.#streamTo(this)
    near.join(far)
    door.onConnection(wireOf(far), { host: this.name, port: this.#nextPort++ })
    return wireOf(near)
  }

  async listen({ port }: Address, onConnection: Door['onConnection']): Promise<Listener> {
    const { doors } = this.#dependencies
    const address = { host: this.name, port: port === 0 ? this.#nextPort++ : port }
    const key = formatAddress(address)
    const door = { host: this, onConnection }
    doors.set(key, door)
    return {
      address,
      [Symbol.asyncDispose]: async () => {
        if (doors.get(key) === door) doors.delete(key)
      },
    }
  }

  /** Ends all its connections and accepts no others, like the end of a process. */
  unplug(): void {
    const { doors, onUnplugged } = this.#dependencies
    this.#isUnplugged = true
    for (const [address, { host }] of doors) if (host === this) doors.delete(address)
    for (const stream of this.#streams.keys()) stream.destroy()
    onUnplugged(this)
  }

  /** Ends its connections with another host. */
  reset(other: string): void {
    for (const [stream, host] of this.#streams) if (host === other) stream.destroy()
  }

  #streamTo(other: ShapedHost): ShapedStream {
    const { clock, isBlocked, onHeld, jitterMs, tap } = this.#dependencies
    const stream = new ShapedStream(
      {
        up: this.#up,
        down: other.#down,
        isBlocked: () => isBlocked(this.name, other.name),
        onHeld,
        jitterMs,
        onBytes: (bytes, from, when) =>
          tap({ from: this.name, to: other.name, stream: from, bytes, when }),
      },
      { clock },
    )
    this.#streams.set(stream, other.name)
    stream.once('close', () => this.#streams.delete(stream))
    return stream
  }
}
