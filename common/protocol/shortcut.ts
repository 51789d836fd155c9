import type { Answers } from './answers.ts'
import type { FrameDecoder } from './framing.ts'
import type { Outbox } from './outbox.ts'

/** Room for the replies of one turn; the last of them begins within {@link sendAtBytes}. */
const repliesBytesMax = 80 * 1024
const sendAtBytes = 48 * 1024
/** The longest reply that a shortcut may write. */
export const shortReplyBytesMax = repliesBytesMax - sendAtBytes

/**
 * Answers requests from the bytes of their frames, without parsing them as JSON. It must recognize a
 * request entirely, and write what the handler would reply; all other frames are left to that.
 */
export interface Shortcut {
  /** Whether it may answer now; called before some frames of a connection. */
  isOpen(): boolean
  /**
   * Writes the frame of a reply to `replies` from `at` on, at most {@link shortReplyBytesMax} bytes.
   * @param request the body of a frame is in its bytes from `start` to `end`
   * @param mayTake whether the connection may have a request with this id
   * @returns where the reply ends; `at` if it does not answer
   */
  answer(
    request: { readonly bytes: Buffer; readonly start: number; readonly end: number },
    reply: { readonly bytes: Buffer; readonly at: number },
    mayTake: (id: number) => boolean,
  ): number
  /** It answered this number of requests, since {@link isOpen} was called. */
  onAnswered(count: number): void
}

/** The replies of one turn of one connection, before they are sent together. */
const replies = Buffer.allocUnsafeSlow(repliesBytesMax)

interface Parts {
  readonly decoder: FrameDecoder
  readonly answers: Answers
  readonly outbox: Outbox
}

/**
 * Answers the next requests of a connection by a shortcut, at most `countMax`.
 * @returns how many it answered
 */
export function takeShortcut(
  shortcut: Shortcut,
  { decoder, answers, outbox }: Parts,
  countMax: number,
): number {
  if (decoder.peek() === 0 || !shortcut.isOpen()) return 0
  const mayTake = (id: number): boolean => answers.mayTake(id)
  const request = { bytes: decoder.input, start: 0, end: 0 }
  const reply = { bytes: replies, at: 0 }
  let count = 0
  for (; count < countMax && reply.at < sendAtBytes; count += 1) {
    const bodyBytes = decoder.peek()
    if (bodyBytes === 0) break
    request.start = decoder.bodyStart
    request.end = request.start + bodyBytes
    const end = shortcut.answer(request, reply, mayTake)
    if (end === reply.at) break
    decoder.skip(bodyBytes)
    reply.at = end
  }
  if (count === 0) return 0
  const sent = Buffer.allocUnsafe(reply.at)
  replies.copy(sent, 0, 0, reply.at)
  outbox.sendNow(sent)
  shortcut.onAnswered(count)
  return count
}
