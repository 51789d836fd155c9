import { AppError } from '../errors.ts'
import type { BulkSource } from './bulk.ts'
import { replyBytesReservedFor } from './message-bounds.ts'
import {
  isMessageType,
  type MessageType,
  mayReceive,
  type messages,
  type ReplyOf,
  type RequestOf,
  type Role,
} from './messages.ts'
import { measuredRequest } from './validate.ts'

/** A handler's result: the reply and, for bulk messages, the bytes that follow it. */
export type Answer<T extends MessageType> = (typeof messages)[T]['bulk'] extends true
  ? { reply: ReplyOf<T>; bulk: BulkSource }
  : ReplyOf<T>

type Table = typeof messages
/** The message types that role `To` must answer to role `From`; the server answers hello itself. */
export type MessageBetween<From extends Role, To extends Role> = {
  [T in MessageType]: T extends 'hello'
    ? never
    : [From & Table[T]['from'][number], To & Table[T]['to'][number]] extends [infer F, infer G]
      ? [F] extends [never]
        ? never
        : [G] extends [never]
          ? never
          : T
      : never
}[MessageType]

/**
 * One function per message type. An AppError that it throws is sent as the answer. The signal is
 * aborted when the connection ends, even while bulk bytes are being sent, and when the request is
 * cancelled before its answer is sent.
 */
export type Handlers<From extends Role, To extends Role, Session> = {
  readonly [T in MessageBetween<From, To>]: (
    request: RequestOf<T>,
    session: Session,
    signal: AbortSignal,
  ) => Promise<Answer<T>>
}

/** A reply as sent by the connection. */
export interface RawAnswer {
  readonly reply: unknown
  readonly bulk?: BulkSource
}

/** A validated request without unknown fields. */
export interface Prepared {
  /** Memory held by the request. */
  readonly bytes: number
  /** Memory that its reply may hold, if that is much. */
  readonly replyBytes: number
  /** Runs the handler. */
  run(signal: AbortSignal): Promise<RawAnswer>
}

/**
 * Validates a request whose type and body come from outside.
 * @throws AppError to answer with
 */
export type Dispatch = (type: string, body: unknown) => Prepared

/**
 * Validates requests against the table and finds their handlers, which wait until there is a
 * session.
 */
export function dispatcher<From extends Role, To extends Role, Session>(
  handlers: Handlers<From, To, Session>,
  roles: { from: Role; to: Role },
  session: Session | Promise<Session>,
): Dispatch {
  const byType = handlers as Readonly<Record<string, Handler<Session>>>
  return (type, body) => {
    const handler = Object.hasOwn(byType, type) ? byType[type] : undefined
    if (handler === undefined || !isMessageType(type) || !mayReceive(type, roles.from, roles.to))
      throw new AppError('UNKNOWN_TYPE', { request: type.slice(0, 64) })
    const { request, bytes } = measuredRequest(type, body)
    const replyBytes = replyBytesReservedFor(type)
    return { bytes, replyBytes, run: (signal) => run(handler, request, session, signal) }
  }
}

type Handler<Session> = (
  request: unknown,
  session: Session,
  signal: AbortSignal,
) => Promise<unknown>

async function run<Session>(
  handler: Handler<Session>,
  request: unknown,
  session: Session | Promise<Session>,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const answer = await handler(request, await session, signal)
  return isBulkAnswer(answer) ? answer : { reply: answer }
}

function isBulkAnswer(answer: unknown): answer is { reply: unknown; bulk: BulkSource } {
  return typeof answer === 'object' && answer !== null && 'bulk' in answer
}
