import type { TSchema } from 'typebox'

/** Who is at the end of a connection. A client is neither: a shell, a CI job. */
export type Role = 'peer' | 'index' | 'client'

/** All that is stated about one message. */
export interface MessageRow {
  /** One sentence: what it asks for. */
  readonly summary: string
  readonly from: readonly Role[]
  readonly to: readonly Role[]
  readonly request: TSchema
  readonly reply: TSchema
  /** Whether a request may fill a frame; others are bounded by `limits.requestBytesMax`. */
  readonly isLong?: boolean
  /** Whether the reply often fills a frame, or takes long to make: room for it is kept before it is made. */
  readonly isReplyLong?: boolean
  /** Whether the reply may be followed by raw bytes. */
  readonly bulk: boolean
}
