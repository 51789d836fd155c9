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
import { DownLink, linkDelayMs, UpLink } from './shaped-link.ts'
import { ShapedStream } from './shaped-stream.ts'

interface Door {
  readonly host: ShapedHost
  readonly onConnection: (wire: Wire, remote: Address) => void
}

/** Hosts with links of one speed, in either direction, to one switch, in virtual time. */
export class ShapedNetwork {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  readonly #doors = new Map<string, Door>()

  constructor(options: { bytesPerMs: number }, dependencies: { clock: Clock }) {
    this.#bytesPerMs = options.bytesPerMs
    this.#clock = dependencies.clock
  }

  /** @param name the host part of its addresses */
  plugIn(name: string): ShapedHost {
    return new ShapedHost(
      { name, bytesPerMs: this.#bytesPerMs },
      { doors: this.#doors, clock: this.#clock },
    )
  }
}

/** A host: its connections and listeners use its link. */
export class ShapedHost implements Transport {
  readonly #name: string
  readonly #up: UpLink
  readonly #down: DownLink
  readonly #doors: Map<string, Door>
  readonly #clock: Clock
  readonly #streams = new Set<ShapedStream>()
  #nextPort = 1_000

  constructor(
    { name, bytesPerMs }: { name: string; bytesPerMs: number },
    dependencies: { doors: Map<string, Door>; clock: Clock },
  ) {
    this.#name = name
    this.#doors = dependencies.doors
    this.#clock = dependencies.clock
    this.#up = new UpLink(bytesPerMs, dependencies)
    this.#down = new DownLink(bytesPerMs, dependencies)
  }

  get sentBytes(): number {
    return this.#up.bytes
  }

  async dial(address: Address): Promise<Wire> {
    const door = this.#doors.get(formatAddress(address))
    if (door === undefined)
      throw new AppError('DIAL_FAILED', {
        address: formatAddress(address),
        reason: 'connection refused',
      })
    const near = this.#streamTo(door.host)
    const far = door.host.#streamTo(this)
    near.join(far)
    await this.#clock.sleep(2 * linkDelayMs)
    door.onConnection(wireOf(far), { host: this.#name, port: this.#nextPort++ })
    return wireOf(near)
  }

  async listen(_: Address, onConnection: Door['onConnection']): Promise<Listener> {
    const address = { host: this.#name, port: this.#nextPort++ }
    this.#doors.set(formatAddress(address), { host: this, onConnection })
    return {
      address,
      [Symbol.asyncDispose]: async () => void this.#doors.delete(formatAddress(address)),
    }
  }

  /** Ends all its connections and accepts no others, like the end of a process. */
  unplug(): void {
    for (const [address, { host }] of this.#doors) if (host === this) this.#doors.delete(address)
    for (const stream of this.#streams) stream.destroy()
  }

  #streamTo(other: ShapedHost): ShapedStream {
    const stream = new ShapedStream({ up: this.#up, down: other.#down })
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    return stream
  }
}
