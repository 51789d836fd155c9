import type { Connection } from '../../common/protocol/connection.ts'

/** What to do about an index that is connected and does not answer, if another one can answer. */
export interface IndexSilence {
  /** Reads that are not answered after this are sent to the other one. */
  readonly afterMs: number
  /** It did not answer: the other one is asked from now on. */
  report(): void
}

/** The peer's connection to the index, which is kept open elsewhere. */
export interface IndexLink {
  /** The address of the index, for errors. */
  readonly address: string
  /** Time without a connection, in milliseconds; 0 while there is one. */
  readonly awayMs: number
  /** How long a request waits for it from when it disappeared; by default two seconds. */
  readonly waitMs?: number | undefined
  readonly silence?: IndexSilence | undefined
  /**
   * The connection, as soon as there is one. Calling this brings the next attempt forward.
   * @throws AppError why the index refuses this peer, if it does; or the signal's reason
   */
  connected(signal: AbortSignal): Promise<Pick<Connection, 'request'>>
}
