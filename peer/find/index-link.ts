import type { Connection } from '../../common/protocol/connection.ts'

/** The peer's one connection to the index, which somebody else keeps open. */
export interface IndexLink {
  /** Where the index is, for errors. */
  readonly address: string
  /** For how long there has been no connection; 0 while there is one. */
  readonly awayMs: number
  /**
   * The connection, once there is one. Asking for it brings the next attempt forward.
   * @throws AppError why the index refuses this peer, if it does; or the signal's reason
   */
  connected(signal: AbortSignal): Promise<Pick<Connection, 'request'>>
}
