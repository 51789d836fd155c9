import { FrameDecoder } from '../../../common/protocol/framing.ts'
import type { RequestOf } from '../../../common/protocol/messages.ts'
import type { TappedBytes } from '../shaped-network.ts'
import type { ShapedStream } from '../shaped-stream.ts'

/** The requests between index and peers that an observer follows. */
interface FollowedRequests {
  readonly hello: RequestOf<'hello'>
  readonly tasks: RequestOf<'tasks'>
  readonly 'cancel-tasks': RequestOf<'cancel-tasks'>
  readonly report: RequestOf<'report'>
}

export type FollowedRequest = {
  [Type in keyof FollowedRequests]: {
    readonly type: Type
    readonly peerId: string
    readonly id: number
    readonly body: FollowedRequests[Type]
  }
}[keyof FollowedRequests]

export interface WireObserver {
  onRequest(request: FollowedRequest): void
  /** The index waits no longer for the answer to this request. */
  onCancelled(peerId: string, id: number): void
  /** The index has lost a connection on which it sent requests. */
  onClosed(peerId: string): void
  /** The index hears of a peer. */
  onHeard(peerId: string): void
}

const followed = ['hello', 'tasks', 'cancel-tasks', 'report'] as const
const marks = followed.map((type) => ({ type, text: `"type":"${type}"` }))

/**
 * Reads requests on the connections of the index, passing over bulk bytes: those of the index when
 * it writes them, those of peers when they reach it. So it sees them in the index's order.
 */
export class WireTap {
  readonly #decoders = new WeakMap<ShapedStream, FrameDecoder>()
  readonly #observer: WireObserver

  constructor(observer: WireObserver) {
    this.#observer = observer
  }

  readonly tap = ({ from, to, stream, bytes, when }: TappedBytes): void => {
    const isOwn = from === 'index' && when === 'written'
    if (!isOwn && !(to === 'index' && when === 'arrived')) return
    if (!isOwn) this.#observer.onHeard(from)
    const known = this.#decoders.get(stream)
    if (isOwn && known === undefined) stream.once('close', () => this.#observer.onClosed(to))
    const decoder = known ?? new FrameDecoder()
    this.#decoders.set(stream, decoder)
    decoder.push(Buffer.from(bytes))
    for (let decoded = decoder.next(); decoded !== undefined; decoded = decoder.next())
      if (decoded.kind === 'frame') {
        decoder.expectBulk(bulkBytesAfter(decoded.body))
        this.#onFrame(decoded.body, isOwn ? to : from)
      }
  }

  #onFrame(frame: Buffer, peerId: string): void {
    const start = frame.toString('latin1', 0, 80)
    const cancelled = /^\{"cancel":(\d+)/.exec(start)?.[1]
    if (cancelled !== undefined) return this.#observer.onCancelled(peerId, Number(cancelled))
    const mark = marks.find(({ text }) => start.includes(text))
    if (mark === undefined) return
    const { id, body } = JSON.parse(frame.toString()) as Pick<FollowedRequest, 'body' | 'id'>
    this.#observer.onRequest({ type: mark.type, peerId, id, body } as FollowedRequest)
  }
}

/** The bulk bytes that follow a reply; 0 after other frames. */
function bulkBytesAfter(frame: Buffer): number {
  const end = frame.toString('latin1', Math.max(0, frame.length - 40))
  return Number(/\},"bytes":(\d+)\}$/.exec(end)?.[1] ?? 0)
}
