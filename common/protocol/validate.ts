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

/** One compiled check per message and direction, made once when the process starts. */
const requestChecks = new Map(
  messageTypes.map((type) => [type as string, Compile(messages[type].request as TSchema)]),
)
const replyChecks = new Map(
  messageTypes.map((type) => [type as string, Compile(messages[type].reply as TSchema)]),
)

/** @throws AppError BAD_REQUEST with the path of what is wrong */
export function parseRequest<T extends MessageType>(type: T, body: unknown): RequestOf<T> {
  const check = requestChecks.get(type)
  if (check?.Check(body)) return body as RequestOf<T>
  throw new AppError('BAD_REQUEST', firstProblem(check, body))
}

/** @throws AppError BAD_REPLY with the path of what is wrong */
export function parseReply<T extends MessageType>(
  type: T,
  body: unknown,
  address: string,
): ReplyOf<T> {
  const check = replyChecks.get(type)
  if (check?.Check(body)) return body as ReplyOf<T>
  const { path, reason } = firstProblem(check, body)
  throw new AppError('BAD_REPLY', { address, type, reason: `${path}: ${reason}` })
}

function firstProblem(
  check: ReturnType<typeof Compile> | undefined,
  body: unknown,
): { path: string; reason: string } {
  const problem = check?.Errors(body)[0]
  return { path: problem?.instancePath || '/', reason: problem?.message ?? 'does not fit' }
}
