import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'

/**
 * Streams the body of a request: nothing is read from the socket while the consumer is busy. The first
 * read sends 100 Continue to a client that expects it.
 * @throws (while iterating) AppError BAD_REQUEST if they are encoded, DEADLINE_EXCEEDED if the client stalls
 *   or is slower than `limits.sendBytesPerSecondMin`, CONNECTION_CLOSED
 */
export async function* uploadedBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  { clock }: { clock: Clock },
): AsyncGenerator<Uint8Array> {
  checkPlain(request.headers)
  if (request.headers.expect !== undefined) reply.raw.writeContinue()
  const pieces = (request.raw as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  // Each byte allows so much waiting, but a fast start does not pay for a slow rest.
  let allowedMs: number = deadlines.bulkStallMs
  for (;;) {
    const deadline = { what: 'The upload', deadlineMs: allowedMs }
    const startMs = clock.monotonicMs()
    const piece = await withDeadline(deadline, clock, () => nextPiece(pieces, request.ip))
    if (piece.done === true) return
    const waitedMs = clock.monotonicMs() - startMs
    const earnedMs = (1_000 * piece.value.length) / limits.sendBytesPerSecondMin
    allowedMs = Math.min(deadlines.bulkStallMs, allowedMs - waitedMs + earnedMs)
    yield piece.value
  }
}

/** Encoded bytes would be taken for those of the file. @throws AppError BAD_REQUEST */
function checkPlain(headers: FastifyRequest['headers']): void {
  const isUsual = (name: string, usual: string): boolean =>
    (headers[name]?.toString().trim().toLowerCase() ?? usual) === usual
  for (const [name, usual] of [
    ['Content-Encoding', 'identity'],
    ['Transfer-Encoding', 'chunked'],
  ] as const)
    if (!isUsual(name.toLowerCase(), usual))
      throw new AppError('BAD_REQUEST', { path: name, reason: 'is not supported' })
}

/** The length of the body; undefined if it is chunked. */
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
 * For a request that is refused before its body is read: discards further bytes for a short time, so
 * that the client reads the refusal instead of a broken connection; then closes the connection.
 */
export function discardRest(request: FastifyRequest, reply: FastifyReply, clock: Clock): void {
  const { raw } = request
  if (!hasBody(request) || raw.complete) return
  reply.header('connection', 'close')
  raw.on('error', () => {})
  raw.resume()
  const cancel = clock.after(deadlines.closeMs, () => raw.destroy())
  raw.once('close', cancel)
}

/** Whether a body follows the headers. */
export function hasBody({ headers }: FastifyRequest): boolean {
  return 'transfer-encoding' in headers || Number(headers['content-length']) > 0
}
