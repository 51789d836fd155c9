import { AppError } from '../errors.ts'
import type { BulkSource } from './bulk.ts'
import {
  isMessageType,
  type MessageType,
  mayReceive,
  type messages,
  type ReplyOf,
  type RequestOf,
  type Role,
} from './messages.ts'
import { parseRequest } from './validate.ts'

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

/** Answers one request whose type and body come from outside. */
export type Dispatch = (type: string, body: unknown, signal: AbortSignal) => Promise<RawAnswer>

/** Checks a request against the table, finds its handler and runs it. */
export function dispatcher<From extends Role, To extends Role, Session>(
  handlers: Handlers<From, To, Session>,
  roles: { from: Role; to: To },
  session: Session,
): Dispatch {
  const byType = handlers as Readonly<
    Record<string, (request: unknown, session: Session, signal: AbortSignal) => Promise<unknown>>
  >
  return async (type, body, signal) => {
    const handler = Object.hasOwn(byType, type) ? byType[type] : undefined
    if (handler === undefined || !isMessageType(type) || !mayReceive(type, roles.from, roles.to))
      throw new AppError('UNKNOWN_TYPE', { type: type.slice(0, 64) })
    const answer = await handler(parseRequest(type, body), session, signal)
    return isBulkAnswer(answer) ? answer : { reply: answer }
  }
}

function isBulkAnswer(answer: unknown): answer is { reply: unknown; bulk: BulkSource } {
  return typeof answer === 'object' && answer !== null && 'bulk' in answer
}
