import type { Connection } from '../../common/protocol/connection.ts'

/** The peer's connection to the index, which is kept open elsewhere. */
export interface IndexLink {
  /** The address of the index, for errors. */
  readonly address: string
  /** Time without a connection, in milliseconds; 0 while there is one. */
  readonly awayMs: number
  /** How long a request waits for it from when it disappeared; by default two seconds. */
  readonly waitMs?: number | undefined
  /**
   * The connection, as soon as there is one. Calling this brings the next attempt forward.
   * @throws AppError why the index refuses this peer, if it does; or the signal's reason
   */
  connected(signal: AbortSignal): Promise<Pick<Connection, 'request'>>
}
