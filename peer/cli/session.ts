import type { Clock } from '../../common/clock.ts'
import type { PeerApi } from '../api/calls.ts'
import type { Terminal } from './terminal.ts'

/** What a command runs with. */
export interface Session {
  readonly api: PeerApi
  readonly terminal: Terminal
  readonly clock: Clock
  /** Paths that people type, and those shown to them, are relative to this folder. */
  readonly workingFolder: string
  /** Aborted when the person gives up; the command then ends soon. */
  readonly signal: AbortSignal
  /** Answer for programs instead of people. */
  readonly json: boolean
}
