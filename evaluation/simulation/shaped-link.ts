/** The two halves of a host's link, in virtual time. */
import type { Clock } from '../../common/clock.ts'

/** Unit of transmission: fine enough for the measurements, and cheap. */
const packetBytes = 64 * 1024
/** Latency between hosts, in addition to the transmission time. */
export const linkDelayMs = 0.2

/** A source of packets for a sending link. */
export interface Sender {
  /** The next packet, if one may be sent now. */
  next(bytesMax: number): Buffer | undefined
  /** Called when the packet was sent. */
  onSent(packet: Buffer): void
}

/** The sending half: serves its senders round-robin. */
export class UpLink {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  /** The next sender first. */
  readonly #senders = new Set<Sender>()
  #isBusy = false
  #bytes = 0

  constructor(bytesPerMs: number, dependencies: { clock: Clock }) {
    this.#bytesPerMs = bytesPerMs
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
    this.#clock.after(packet.length / this.#bytesPerMs, () => {
      sender.onSent(packet)
      this.#carryNext()
    })
  }
}

/** The receiving half: first come, first served. */
export class DownLink {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  #freeAtMs = 0

  constructor(bytesPerMs: number, dependencies: { clock: Clock }) {
    this.#bytesPerMs = bytesPerMs
    this.#clock = dependencies.clock
  }

  /** Calls `onCarried` when the bytes have been received. */
  carry(bytes: number, onCarried: () => void): void {
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs
    this.#clock.after(linkDelayMs + this.#freeAtMs - nowMs, onCarried)
  }
}
