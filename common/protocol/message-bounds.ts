/** How large the requests and replies of each message may be. */
import { limits } from '../limits.ts'
import type { MessageRow } from './message-row.ts'
import { isMessageType, type MessageType, messages } from './messages.ts'

/** The longest frame of a request of this type. */
export function requestBytesMaxOf(type: string): number {
  const row: MessageRow | undefined = isMessageType(type) ? messages[type] : undefined
  return row?.isLong === true ? limits.frameBodyBytesMax : limits.requestBytesMax
}

/** Bytes to keep free for the reply to a request of this type: what it holds while it is made, and then its frame. */
export function replyBytesReservedFor(type: MessageType): number {
  const row: MessageRow = messages[type]
  return row.isReplyLong === true ? 2 * limits.frameBodyBytesMax : 0
}
