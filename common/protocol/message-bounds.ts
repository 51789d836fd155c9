/** Size limits of the requests and replies of each message, and how they are answered. */
import { limits } from '../limits.ts'
import type { MessageRow } from './message-row.ts'
import { isMessageType, type MessageType, messages } from './messages.ts'

/** The longest request frame of this type. */
export function requestBytesMaxOf(type: string): number {
  const row: MessageRow | undefined = isMessageType(type) ? messages[type] : undefined
  return row?.isLong === true ? limits.frameBodyBytesMax : limits.requestBytesMax
}

/**
 * Memory to reserve for the reply to a request of this type: for producing it, and then for its
 * frame.
 */
export function replyBytesReservedFor(type: MessageType): number {
  const row: MessageRow = messages[type]
  return row.isReplyLong === true ? 2 * limits.frameBodyBytesMax : 0
}

/** Whether requests of this type are answered in so little time that they are never cancelled. */
export function isQuickMessage(type: MessageType): boolean {
  const row: MessageRow = messages[type]
  return row.isQuick === true
}
