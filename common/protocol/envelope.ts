/** The body of a frame: requests, replies and cancels, as shown in PROTOCOL.md. */
import { isUtf8 } from 'node:buffer'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { AppError, type WireError } from '../errors.ts'
import { EncodedReply } from './encoded-reply.ts'
import { encodeFrame } from './framing.ts'

/** The id of errors that concern the connection rather than a request. */
export const connectionErrorId = 0

const RequestEnvelope = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  type: Type.String({ minLength: 1, maxLength: 64 }),
  body: Type.Unknown(),
})
const ReplyEnvelope = Type.Object({
  re: Type.Integer({ minimum: connectionErrorId, maximum: Number.MAX_SAFE_INTEGER }),
  body: Type.Unknown(),
  bytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
})
const ErrorEnvelope = Type.Object({
  re: Type.Integer({ minimum: connectionErrorId, maximum: Number.MAX_SAFE_INTEGER }),
  error: Type.Object({
    code: Type.String({ minLength: 1, maxLength: 64 }),
    retryable: Type.Boolean(),
    details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  }),
})
/** Cancels a request of the sender; it is not answered itself. */
const CancelEnvelope = Type.Object({
  cancel: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
})
export type RequestEnvelope = Static<typeof RequestEnvelope>
export type ReplyEnvelope = Static<typeof ReplyEnvelope>
export type ErrorEnvelope = Static<typeof ErrorEnvelope>
type CancelEnvelope = Static<typeof CancelEnvelope>
export type Envelope = RequestEnvelope | ReplyEnvelope | ErrorEnvelope | CancelEnvelope

const requestCheck = Compile(RequestEnvelope)
const replyCheck = Compile(ReplyEnvelope)
const errorCheck = Compile(ErrorEnvelope)
const cancelCheck = Compile(CancelEnvelope)

export function requestFrame(id: number, type: string, body: unknown): Buffer {
  return encodeFrame(JSON.stringify({ id, type, body }))
}

/** `bytes` raw bytes follow the frame, if given. */
export function replyFrame(re: number, body: unknown, bytes?: number): Buffer {
  if (body instanceof EncodedReply) return encodeFrame(`{"re":${re},"body":${body.json}}`)
  return encodeFrame(JSON.stringify({ re, body, bytes }))
}

export function errorFrame(re: number, error: WireError): Buffer {
  return encodeFrame(JSON.stringify({ re, error }))
}

export function cancelFrame(id: number): Buffer {
  return encodeFrame(JSON.stringify({ cancel: id }))
}

/** @throws AppError BAD_FRAME */
export function parseEnvelope(frameBody: Buffer): Envelope {
  const value = parseJson(frameBody)
  if (requestCheck.Check(value) || errorCheck.Check(value) || replyCheck.Check(value)) return value
  if (cancelCheck.Check(value)) return value
  throw new AppError('BAD_FRAME', { reason: 'not a request, a reply or a cancel' })
}

function parseJson(frameBody: Buffer): unknown {
  if (!isUtf8(frameBody)) throw new AppError('BAD_FRAME', { reason: 'not UTF-8' })
  try {
    return JSON.parse(frameBody.toString('utf8'))
  } catch (cause) {
    throw new AppError('BAD_FRAME', { reason: 'not JSON' }, { cause })
  }
}
