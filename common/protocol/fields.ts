/**
 * The fields of messages. Lengths count code points; names are checked again, in bytes, with ids.ts
 * where they are used. PROTOCOL.md shows the descriptions.
 */
import Type, { type TSchema } from 'typebox'
import { peerIdPattern, sha256Pattern } from '../ids.ts'
import { limits } from '../limits.ts'

/** A copy of the schema with the description of a field. */
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
  description: 'Host name or IP address of the peer',
})
export const Port = Type.Integer({
  minimum: 1,
  maximum: 65_535,
  description: 'TCP port of the peer',
})
export const Purpose = Type.Union([Type.Literal('download'), Type.Literal('replication')], {
  description:
    'What the bytes are for: a download by a user, or replication, which yields to downloads',
})
export const Zone = Type.String({
  minLength: 1,
  maxLength: limits.hostBytesMax,
  description:
    'Failure domain: machines that may fail together; copies go to different zones where possible',
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
  description: 'The run of the peer to which change numbers belong: random, new at each start',
})
export const IdentityHash = Type.String({
  pattern: sha256Pattern,
  description: 'A hash of the secret that the peer generated for its id',
})
export const TaskId = Type.String({
  minLength: 1,
  maxLength: 32,
  description: 'The id of the task in its report',
})
export const ErrorCodeText = Type.String({ minLength: 1, maxLength: 64 })
export const Cursor = Type.String({ minLength: 1, maxLength: 4 * limits.nameBytesMax })
