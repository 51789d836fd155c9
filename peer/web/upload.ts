import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'

/**
 * The bytes of a request's body, as they come: nothing is read from the socket while the consumer
 * is busy. A client that waits for leave to send (Expect: 100-continue) gets it with the first read.
 * @throws (while iterating) AppError DEADLINE_EXCEEDED when the client stalls, CONNECTION_CLOSED
 */
export async function* uploadedBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  { clock }: { clock: Clock },
): AsyncGenerator<Uint8Array> {
  if (request.headers.expect !== undefined) reply.raw.writeContinue()
  const pieces = (request.raw as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  const deadline = { what: 'The upload', deadlineMs: deadlines.bulkStallMs }
  for (;;) {
    const piece = await withDeadline(deadline, clock, () => nextPiece(pieces, request.ip))
    if (piece.done === true) return
    yield piece.value
  }
}

/** How many bytes a body will have; undefined when it comes in parts of unknown number. */
export function announcedBytes(request: FastifyRequest): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

async function nextPiece(
  pieces: AsyncIterator<Uint8Array>,
  address: string,
): Promise<IteratorResult<Uint8Array, unknown>> {
  try {
    return await pieces.next()
  } catch (error) {
    throw new AppError('CONNECTION_CLOSED', { address }, { cause: error })
  }
}

/**
 * For a request that is refused before its body was read: takes what the client still sends and
 * throws it away for a while, so that it reads the refusal instead of a broken connection; then
 * ends the connection.
 */
export function discardRest(request: FastifyRequest, reply: FastifyReply, clock: Clock): void {
  const { raw } = request
  const hasBody = 'transfer-encoding' in raw.headers || Number(raw.headers['content-length']) > 0
  if (!hasBody || raw.complete) return
  reply.header('connection', 'close')
  raw.on('error', () => {})
  raw.resume()
  const cancel = clock.after(deadlines.closeMs, () => raw.destroy())
  raw.once('close', cancel)
}
