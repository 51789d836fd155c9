import type { Connection } from '../../common/protocol/connection.ts'

/** The peer's one connection to the index, which somebody else keeps open. */
export interface IndexLink {
  /** Where the index is, for errors. */
  readonly address: string
  /**
   * The connection, once there is one.
   * @throws the signal's reason
   */
  connected(signal: AbortSignal): Promise<Pick<Connection, 'request'>>
}
