/**
 * Which processes may listen where other machines reach them: those with an identity, which speak TLS, and
 * those whose user accepts that any of these machines can do everything.
 */
import { AppError } from './errors.ts'
import { isLoopback } from './hosts.ts'
import type { Log } from './log.ts'

/** An address that a process listens on, and the flag that sets it. */
export interface Listening {
  readonly host: string
  readonly flag: `--${string}`
}

export interface Exposure {
  readonly listening: readonly Listening[]
  /** Whether the process has the key and the certificate of a cluster. */
  readonly hasIdentity: boolean
  /** Whether its user accepts to be without. */
  readonly isAccepted: boolean
  /** What secures it: the end of a sentence, with the command. */
  readonly remedy: string
}

/**
 * Checks the addresses of a process before it listens on them.
 * @returns whether other machines reach it without TLS, which is logged
 * @throws AppError EXPOSED if they would, and its user has not accepted that
 */
export function checkExposure(
  { listening, hasIdentity, isAccepted, remedy }: Exposure,
  { log }: { log: Log },
): boolean {
  const [exposed] = listening.filter(({ host }) => !isLoopback(host))
  if (hasIdentity || exposed === undefined) return false
  if (!isAccepted) throw new AppError('EXPOSED', { ...exposed, remedy })
  log.warn(
    { ...exposed },
    'insecure: other machines reach this process without TLS, and can read, change and delete files',
  )
  return true
}
