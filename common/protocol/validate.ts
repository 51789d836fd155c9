import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { AppError } from '../errors.ts'
import {
  type MessageType,
  messages,
  messageTypes,
  type ReplyOf,
  type RequestOf,
} from './messages.ts'
import { type Pruner, prunerFor } from './prune.ts'

interface Checks {
  readonly check: ReturnType<typeof Compile>
  readonly prune: Pruner
}

function checksOf(schema: TSchema): Checks {
  return { check: Compile(schema), prune: prunerFor(schema) }
}

/** One compiled check per message and direction, created at startup. */
const requestChecks = new Map(
  messageTypes.map((type) => [type as string, checksOf(messages[type].request)]),
)
const replyChecks = new Map(
  messageTypes.map((type) => [type as string, checksOf(messages[type].reply)]),
)

/** A request without unknown fields, and its memory. */
export interface MeasuredRequest<T extends MessageType> {
  readonly request: RequestOf<T>
  readonly bytes: number
}

/** @throws AppError BAD_REQUEST with the path of the invalid field */
export function measuredRequest<T extends MessageType>(type: T, body: unknown): MeasuredRequest<T> {
  const checks = requestChecks.get(type)
  if (!checks?.check.Check(body)) throw new AppError('BAD_REQUEST', firstProblem(checks, body))
  const meter = { bytes: 0 }
  const request = checks.prune(body, meter) as RequestOf<T>
  return { request, bytes: meter.bytes }
}

/** @throws AppError BAD_REQUEST with the path of the invalid field */
export function parseRequest<T extends MessageType>(type: T, body: unknown): RequestOf<T> {
  return measuredRequest(type, body).request
}

/** A reply without unknown fields. @throws AppError BAD_REPLY with the path of the invalid field */
export function parseReply<T extends MessageType>(
  type: T,
  body: unknown,
  address: string,
): ReplyOf<T> {
  const checks = replyChecks.get(type)
  if (checks?.check.Check(body)) return checks.prune(body, { bytes: 0 }) as ReplyOf<T>
  const { path, reason } = firstProblem(checks, body)
  throw new AppError('BAD_REPLY', { address, request: type, reason: `${path}: ${reason}` })
}

function firstProblem(checks: Checks | undefined, body: unknown): { path: string; reason: string } {
  const problem = checks?.check.Errors(body)[0]
  return { path: problem?.instancePath || '/', reason: problem?.message ?? 'does not match' }
}
