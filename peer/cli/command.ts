import type { Session } from './session.ts'

export interface CommonOptions {
  readonly json?: boolean
}

/** Runs `work` with a session; how it is made depends on where the command was typed. */
export type RunCommand<Options extends CommonOptions> = (
  options: Options,
  work: (session: Session) => Promise<void>,
) => Promise<void>
