/**
 * The fields that messages are made of. Lengths count code points; names are checked again, as
 * bytes, with ids.ts where they are used. The descriptions stand in PROTOCOL.md.
 */
import Type, { type TSchema } from 'typebox'
import { peerIdPattern, sha256Pattern } from '../ids.ts'
import { limits } from '../limits.ts'

/** The same schema with what a field of it means in its place. */
export function described<T extends TSchema>(schema: T, description: string): T {
  // A copy with all properties: some of a schema's are not enumerable.
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as T
  return Object.assign(copy, { description })
}

export const Sha256 = Type.String({
  pattern: sha256Pattern,
  description: 'The SHA-256 of the content',
})
export const PeerId = Type.String({ pattern: peerIdPattern, description: 'The peer' })
export const Name = Type.String({
  minLength: 1,
  maxLength: limits.nameBytesMax,
  description: 'A name: a relative path with `/` between its segments',
})
export const Host = Type.String({
  minLength: 1,
  maxLength: limits.hostBytesMax,
  description: 'Host name or IP address where the peer is reached',
})
export const Port = Type.Integer({
  minimum: 1,
  maximum: 65_535,
  description: 'TCP port where the peer is reached',
})
export const Purpose = Type.Union([Type.Literal('download'), Type.Literal('replication')], {
  default: 'download',
  description:
    'What the bytes are for: what somebody asked for, as without this field, or replication, which gives way to it',
})
export const Zone = Type.String({
  minLength: 1,
  maxLength: limits.hostBytesMax,
  description: 'Machines that may fail together; copies go to different zones if they can',
})
export const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const ContentBytes = Type.Integer({
  minimum: 0,
  maximum: limits.contentBytesMax,
  description: 'The size of the content in bytes',
})
export const Count = Type.Integer({ minimum: 0 })
export const Millis = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Sequence = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Epoch = Type.String({
  pattern: '^[0-9a-f]{16}$',
  description: 'Names the run of the peer that change numbers belong to: random, new at each start',
})
export const IdentityHash = Type.String({
  pattern: sha256Pattern,
  description: 'A hash of a secret that the peer made for its id and keeps',
})
export const TaskId = Type.String({
  minLength: 1,
  maxLength: 32,
  description: 'What the report calls the task',
})
export const ErrorCodeText = Type.String({ minLength: 1, maxLength: 64 })
export const Cursor = Type.String({ minLength: 1, maxLength: 4 * limits.nameBytesMax })
