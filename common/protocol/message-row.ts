import type { TSchema } from 'typebox'
import type { ClusterRole } from '../identity/cluster-role.ts'

/** The ends of a connection. A client is neither peer nor index: a shell, a CI job. */
export type Role = 'peer' | 'index' | 'client'

/** Everything the table states about one message. */
export interface MessageRow {
  /** One sentence: what it asks for. */
  readonly summary: string
  readonly from: readonly Role[]
  readonly to: readonly Role[]
  /** The cluster roles that may send it, where connections prove one. */
  readonly by: readonly ClusterRole[]
  readonly request: TSchema
  readonly reply: TSchema
  /** Whether a request may fill a frame; others are limited to `limits.requestBytesMax`. */
  readonly isLong?: boolean
  /** Whether the reply often fills a frame or is slow to produce: its memory is reserved first. */
  readonly isReplyLong?: boolean
  /** Whether it is answered in microseconds, mostly without waiting for anything: never cancelled. */
  readonly isQuick?: true
  /** Whether raw bytes may follow the reply. */
  readonly bulk: boolean
}
