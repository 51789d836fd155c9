import type { Session } from './session.ts'

export interface CommonOptions {
  readonly json?: boolean
}

/** Runs `work` with a session, which differs between command line and prompt. */
export type RunCommand<Options extends CommonOptions> = (
  options: Options,
  work: (session: Session) => Promise<void>,
) => Promise<void>
