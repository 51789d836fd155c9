import { constants } from 'node:os'
import { AppError, hasCode } from './errors.ts'

/** The first SIGINT, SIGTERM or SIGHUP; a second one ends the process immediately. */
export interface Interruption extends Disposable {
  /** Aborted by the signal, with INTERRUPTED as the reason. */
  readonly signal: AbortSignal
  /** Resolves on the signal. */
  readonly happened: Promise<void>
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Catches signals until disposed. */
export function interrupted(): Interruption {
  const stop = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  const release = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    release()
    const what = { what: 'The command', hint: 'run it again' }
    stop.abort(new AppError('INTERRUPTED', { ...what, signal }))
    resolve()
  }
  for (const signal of signals) process.on(signal, onSignal)
  return { signal: stop.signal, happened: promise, [Symbol.dispose]: release }
}

/**
 * Runs a command until it ends or a signal interrupts it.
 * @throws AppError INTERRUPTED with the signal in its details, whatever the command threw; the
 * command's own error
 */
export async function untilInterrupted(
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  using stop = interrupted()
  await untilAborted(stop.signal, () => work(stop.signal))
}

/** The same with an external signal that is aborted like that of {@link interrupted}. */
export async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const reason: unknown = signal.reason
    if (!hasCode(reason, 'INTERRUPTED')) throw error
    const said = hasCode(error, 'INTERRUPTED') ? error.details : {}
    throw new AppError('INTERRUPTED', { ...reason.details, ...said }, { cause: error })
  }
}

/**
 * The exit code that shells expect of a command ended by a signal: 130 for SIGINT, 143 for SIGTERM,
 * 129 for SIGHUP.
 */
export function exitCodeOf({ details }: AppError): number {
  const signal = signals.find((each) => each === details['signal']) ?? 'SIGINT'
  return 128 + constants.signals[signal]
}
