import { AppError } from '../errors.ts'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import type { BulkSource } from './bulk.ts'
import type { clusterMessages } from './cluster-messages.ts'
import type { EncodedReply } from './encoded-reply.ts'
import { isQuickMessage, replyBytesReservedFor } from './message-bounds.ts'
import {
  isMessageType,
  type MessageType,
  mayReceive,
  maySend,
  messages,
  type ReplyOf,
  type RequestOf,
  type Role,
} from './messages.ts'
import { neededFor } from './rights.ts'
import { measuredRequest } from './validate.ts'

/** A handler's result: the reply and, for bulk messages, the bytes that follow it. */
export type Answer<T extends MessageType> = (typeof messages)[T]['bulk'] extends true
  ? { reply: ReplyOf<T>; bulk: BulkSource }
  : ReplyOf<T>

type Table = typeof messages
/** Messages of secured clusters. */
export type ClusterMessage = keyof typeof clusterMessages

/**
 * The message types that role `To` must answer to role `From`; the server answers hello and the messages of
 * secured clusters itself.
 */
export type MessageBetween<From extends Role, To extends Role> = {
  [T in MessageType]: T extends 'hello' | ClusterMessage
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
 * cancelled before its answer is sent. Quick messages may be answered without a promise; their
 * signal is never aborted.
 */
export type Handlers<From extends Role, To extends Role, Session> = {
  readonly [T in MessageBetween<From, To>]: (
    request: RequestOf<T>,
    session: Session,
    signal: AbortSignal,
  ) => (typeof messages)[T] extends { isQuick: true }
    ? QuickAnswer<T> | Promise<QuickAnswer<T>>
    : Promise<Answer<T>>
}

type QuickAnswer<T extends MessageType> = ReplyOf<T> | EncodedReply<T>

/** A reply as sent by the connection. */
export interface RawAnswer {
  /** An object, or an {@link EncodedReply}. */
  readonly reply: unknown
  readonly bulk?: BulkSource
}

/** A validated request without unknown fields. */
export interface Prepared {
  /** Memory held by the request. */
  readonly bytes: number
  /** Memory that its reply may hold, if that is much. */
  readonly replyBytes: number
  /** Whether it is answered in so little time that it need not be cancelled. */
  readonly isQuick: boolean
  /** Runs the handler. @throws AppError, or rejects with one */
  run(signal: AbortSignal): RawAnswer | Promise<RawAnswer>
}

/** The session of a connection, once its hello is accepted. */
export interface SessionSlot<Session> {
  readonly welcomed: Promise<Session>
  /** Set when {@link welcomed} resolves. */
  current?: { readonly session: Session }
}

/**
 * Validates a request whose type and body come from outside.
 * @throws AppError to answer with
 */
export type Dispatch = (type: string, body: unknown) => Prepared

/** The ends of a connection. */
export interface DispatchRoles {
  readonly from: Role
  readonly to: Role
  /** Who sends the requests, where that is proven. */
  readonly proven: ProvenIdentity | undefined
}

/** Answers to messages of secured clusters, on one connection. */
export type ClusterHandlers = {
  readonly [T in ClusterMessage]?: (request: RequestOf<T>) => ReplyOf<T> | Promise<ReplyOf<T>>
}

/**
 * Validates requests against the table and finds their handlers, which wait until there is a
 * session.
 */
export function dispatcher<From extends Role, To extends Role, Session>(
  handlers: Handlers<From, To, Session>,
  { from, to, proven }: DispatchRoles,
  slot: SessionSlot<Session>,
  clusterHandlers: ClusterHandlers = {},
): Dispatch {
  const byType = { ...clusterHandlers, ...handlers } as Readonly<Record<string, Handler<Session>>>
  return (type, body) => {
    const handler = Object.hasOwn(byType, type) ? byType[type] : undefined
    if (handler === undefined || !isMessageType(type) || !mayReceive(type, from, to))
      throw new AppError('UNKNOWN_TYPE', { request: type.slice(0, 64) })
    if (!maySend(type, proven)) throw forbidden(type, proven)
    const { request, bytes } = measuredRequest(type, body)
    const replyBytes = replyBytesReservedFor(type)
    const isQuick = isQuickMessage(type)
    return { bytes, replyBytes, isQuick, run: (signal) => run(handler, request, slot, signal) }
  }
}

function forbidden(type: MessageType, proven: ProvenIdentity | undefined): AppError {
  const { by } = messages[type]
  const role = proven?.role ?? 'client'
  return new AppError('FORBIDDEN', { request: type, role, needed: neededFor(by) })
}

type Handler<Session> = (request: unknown, session: Session, signal: AbortSignal) => unknown

function run<Session>(
  handler: Handler<Session>,
  request: unknown,
  slot: SessionSlot<Session>,
  signal: AbortSignal,
): RawAnswer | Promise<RawAnswer> {
  if (slot.current === undefined)
    return slot.welcomed.then((session) => handler(request, session, signal)).then(rawAnswer)
  const answer = handler(request, slot.current.session, signal)
  return answer instanceof Promise ? answer.then(rawAnswer) : rawAnswer(answer)
}

function rawAnswer(answer: unknown): RawAnswer {
  return isBulkAnswer(answer) ? answer : { reply: answer }
}

function isBulkAnswer(answer: unknown): answer is { reply: unknown; bulk: BulkSource } {
  return typeof answer === 'object' && answer !== null && 'bulk' in answer
}
