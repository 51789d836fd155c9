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

/** What a handler returns: the reply, and for bulk messages the bytes that follow it. */
export type Answer<T extends MessageType> = (typeof messages)[T]['bulk'] extends true
  ? { reply: ReplyOf<T>; bulk: BulkSource }
  : ReplyOf<T>

type Table = typeof messages
/** The types that a process of role `To` must answer when `From` asks; hello is the server's own. */
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
 * One function per message type. It may throw AppError, which crosses the wire. The signal is aborted
 * when the connection ends, also while bytes of the answer are leaving; and when the other side
 * withdraws the request before any of it left.
 */
export type Handlers<From extends Role, To extends Role, Session> = {
  readonly [T in MessageBetween<From, To>]: (
    request: RequestOf<T>,
    session: Session,
    signal: AbortSignal,
  ) => Promise<Answer<T>>
}

/** A reply as the connection sends it. */
export interface RawAnswer {
  readonly reply: unknown
  readonly bulk?: BulkSource
}

/** A request that was checked, and of which nothing is held but what is known. */
export interface Prepared {
  /** What the request holds of memory. */
  readonly bytes: number
  /** What its reply may hold, when that is much. */
  readonly replyBytes: number
  /** Answers it. */
  run(signal: AbortSignal): Promise<RawAnswer>
}

/**
 * Checks one request whose type and body come from outside.
 * @throws AppError that answers it
 */
export type Dispatch = (type: string, body: unknown) => Prepared

/** Checks requests against the table and finds their handlers, which wait for the session if it is not there yet. */
export function dispatcher<From extends Role, To extends Role, Session>(
  handlers: Handlers<From, To, Session>,
  roles: { from: Role; to: Role },
  session: Session | Promise<Session>,
): Dispatch {
  const byType = handlers as Readonly<Record<string, Handler<Session>>>
  return (type, body) => {
    const handler = Object.hasOwn(byType, type) ? byType[type] : undefined
    if (handler === undefined || !isMessageType(type) || !mayReceive(type, roles.from, roles.to))
      throw new AppError('UNKNOWN_TYPE', { type: type.slice(0, 64) })
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
