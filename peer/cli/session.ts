import type { Clock } from '../../common/clock.ts'
import type { PeerApi } from '../api/calls.ts'
import type { Terminal } from './terminal.ts'

/** The context of a running command. */
export interface Session {
  readonly api: PeerApi
  readonly terminal: Terminal
  readonly clock: Clock
  /** Paths that are typed or shown are relative to this folder. */
  readonly workingFolder: string
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal
  /** Print JSON instead of text. */
  readonly json: boolean
}
