import type { MessageType } from '../../common/protocol/messages.ts'

/** Requests that change nothing: another index may be asked as well. */
export const readRequests: ReadonlySet<MessageType> = new Set([
  'find-content',
  'list-folder',
  'lookup',
  'match',
  'peers',
  'replication-of',
  'replication-rules',
  'search',
  'status',
  'trash',
  'versions',
  'why',
])
