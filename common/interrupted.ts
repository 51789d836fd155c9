import { AppError } from './errors.ts'

/** The first SIGINT, SIGTERM or SIGHUP from now on; a second one ends the process at once. */
export interface Interruption extends Disposable {
  /** Aborted by it, with CANCELLED as the reason. */
  readonly signal: AbortSignal
  /** Resolves with it. */
  readonly happened: Promise<void>
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Catches signals until it is disposed. */
export function interrupted(): Interruption {
  const stop = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  const release = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (): void => {
    release()
    stop.abort(new AppError('CANCELLED', { what: 'The command' }))
    resolve()
  }
  for (const signal of signals) process.on(signal, onSignal)
  return { signal: stop.signal, happened: promise, [Symbol.dispose]: release }
}
