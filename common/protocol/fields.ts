/**
 * The fields that messages are made of. Lengths count code points; names are checked again, as
 * bytes, with ids.ts where they are used.
 */
import Type from 'typebox'
import { peerIdPattern, sha256Pattern } from '../ids.ts'
import { limits } from '../limits.ts'

export const Sha256 = Type.String({ pattern: sha256Pattern })
export const PeerId = Type.String({ pattern: peerIdPattern })
export const Name = Type.String({ minLength: 1, maxLength: limits.nameBytesMax })
export const Host = Type.String({ minLength: 1, maxLength: limits.hostBytesMax })
export const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
export const Zone = Type.String({ minLength: 1, maxLength: limits.hostBytesMax })
export const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const ContentBytes = Type.Integer({ minimum: 0, maximum: limits.contentBytesMax })
export const Count = Type.Integer({ minimum: 0 })
export const Millis = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Sequence = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Epoch = Type.String({ pattern: '^[0-9a-f]{16}$' })
export const TaskId = Type.String({ minLength: 1, maxLength: 32 })
export const ErrorCodeText = Type.String({ minLength: 1, maxLength: 64 })
export const Cursor = Type.String({ minLength: 1, maxLength: 4 * limits.nameBytesMax })
