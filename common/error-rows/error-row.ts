export interface ErrorRow {
  /** When it occurs: one sentence, for PROTOCOL.md. */
  readonly when: string
  /** Whether the same request may succeed later without any change by the user. */
  readonly retryable: boolean
  /** HTTP status of the peer's API. */
  readonly status: number
  /** Shown to the user: what happened and what to do. `{x}` is replaced by the detail `x`. */
  readonly sentence: string
}
