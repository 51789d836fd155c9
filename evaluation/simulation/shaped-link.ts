/** The two halves of a host's link, in virtual time. */
import type { Clock } from '../../common/clock.ts'

/** Carried at a time: fine enough for what is measured, and few enough. */
const packetBytes = 64 * 1024
/** From one host to another, besides the time that links take. */
export const linkDelayMs = 0.2

/** What a sender's link takes packets from. */
export interface Sender {
  /** The next packet, if one may be sent now. */
  next(bytesMax: number): Buffer | undefined
  /** Told when the packet has left. */
  onSent(packet: Buffer): void
}

/** The sending half: those who have something to send take turns. */
export class UpLink {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  /** The one whose turn is next first. */
  readonly #senders = new Set<Sender>()
  #isBusy = false
  #bytes = 0

  constructor(bytesPerMs: number, dependencies: { clock: Clock }) {
    this.#bytesPerMs = bytesPerMs
    this.#clock = dependencies.clock
  }

  /** All that it has carried, or is carrying. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes packets of `sender`, in turns with others, until it has none. */
  serve(sender: Sender): void {
    this.#senders.add(sender)
    if (!this.#isBusy) this.#carryNext()
  }

  #carryNext(): void {
    // Who gives a packet writes more at once, and asks to be served.
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

  /** Calls `onCarried` when so many bytes have come over it. */
  carry(bytes: number, onCarried: () => void): void {
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs
    this.#clock.after(linkDelayMs + this.#freeAtMs - nowMs, onCarried)
  }
}
