import { type CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import { type PeerOf, rankedSource } from '../rank.ts'
import type { Holder } from '../store/store.ts'

/** A holder as replies list it. */
export interface SourceText {
  /** Lower ranks come first; equal ones in the order of the ids. */
  readonly rank: number
  readonly peerId: string
  /** Its JSON. */
  readonly json: Uint8Array
}

/**
 * The JSON of holders, by numbers that stand for a peer and a kind of copy. It is made when it is needed,
 * and forgotten when a peer changes.
 */
export class SourceTexts {
  readonly #peerOf: PeerOf
  readonly #numbers = new Map<string, number>()
  readonly #peerIds: string[] = []
  /** Null for a holder that cannot serve now. */
  #texts: (SourceText | null | undefined)[] = []

  constructor(peerOf: PeerOf) {
    this.#peerOf = peerOf
  }

  /** The number of a holder, from 0. */
  numberOf({ peerId, kind }: Pick<Holder, 'peerId' | 'kind'>): number {
    let number = this.#numbers.get(peerId)
    if (number === undefined) {
      number = this.#peerIds.push(peerId) - 1
      this.#numbers.set(peerId, number)
    }
    return number * copyKinds.length + copyKinds.indexOf(kind)
  }

  /** @returns null if it cannot serve now */
  of(number: number): SourceText | null {
    const known = this.#texts[number]
    if (known !== undefined) return known
    const made = this.#make(number)
    this.#texts[number] = made
    return made
  }

  /** A peer has changed. */
  forgetAll(): void {
    if (this.#texts.length > 0) this.#texts = []
  }

  #make(number: number): SourceText | null {
    const peerId = this.#peerIds[Math.floor(number / copyKinds.length)]
    const kind: CopyKind | undefined = copyKinds[number % copyKinds.length]
    if (peerId === undefined || kind === undefined) throw new RangeError(`no holder ${number}`)
    const ranked = rankedSource({ peerId, kind }, this.#peerOf)
    if (ranked === undefined) return null
    const json = Buffer.from(JSON.stringify(ranked.source))
    return { rank: ranked.rank, peerId, json: new Uint8Array(json) }
  }
}
