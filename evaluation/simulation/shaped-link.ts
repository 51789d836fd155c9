/** The two halves of a host's link, in virtual time. */
import type { Clock } from '../../common/clock.ts'

/** Unit of transmission: fine enough for the measurements, and cheap. */
const packetBytes = 64 * 1024
/** A source of packets for a sending link. */
export interface Sender {
  /** The next packet, if one may be sent now. */
  next(bytesMax: number): Buffer | undefined
  /** Called when the packet was sent. */
  onSent(packet: Buffer): void
}

/** What is known about a link; a fault may change it at any time. */
export interface LinkSpeed {
  /** In either direction. */
  bytesPerMs: number
  /** Latency to another host, in addition to the transmission time. */
  delayMs: number
}

/** The sending half: serves its senders round-robin. */
export class UpLink {
  readonly #speed: Readonly<LinkSpeed>
  readonly #clock: Clock
  /** The next sender first. */
  readonly #senders = new Set<Sender>()
  #isBusy = false
  #bytes = 0

  constructor(speed: Readonly<LinkSpeed>, dependencies: { clock: Clock }) {
    this.#speed = speed
    this.#clock = dependencies.clock
  }

  /** Bytes that it has carried or is carrying. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes packets of `sender`, alternating with others, until it has none. */
  serve(sender: Sender): void {
    this.#senders.add(sender)
    if (!this.#isBusy) this.#carryNext()
  }

  #carryNext(): void {
    // A sender that gives a packet writes more immediately, and asks to be served.
    this.#isBusy = true
    for (const sender of this.#senders) {
      this.#senders.delete(sender)
      const packet = sender.next(packetBytes)
      if (packet !== undefined) return this.#carry(packet, sender)
    }
    this.#isBusy = false
  }

  #carry(packet: Buffer, sender: Sender): void {
    this.#senders.add(sender)
    this.#bytes += packet.length
    this.#clock.after(packet.length / this.#speed.bytesPerMs, () => {
      sender.onSent(packet)
      this.#carryNext()
    })
  }
}

/** The receiving half: first come, first served. */
export class DownLink {
  readonly #speed: Readonly<LinkSpeed>
  readonly #clock: Clock
  #freeAtMs = 0

  constructor(speed: Readonly<LinkSpeed>, dependencies: { clock: Clock }) {
    this.#speed = speed
    this.#clock = dependencies.clock
  }

  /** When bytes that are sent now have been received (monotonic). */
  carry(bytes: number): number {
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#speed.bytesPerMs
    return this.#freeAtMs + this.#speed.delayMs
  }
}
