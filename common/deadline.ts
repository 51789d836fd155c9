import type { Clock } from './clock.ts'
import { AppError } from './errors.ts'

export interface Deadline {
  /** What is awaited, as the subject of the error's sentence. */
  readonly what: string
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `work` with a signal that is aborted at the deadline or with `signal`. Settles at the
 * deadline even if `work` ignores its signal.
 * @throws AppError DEADLINE_EXCEEDED, the signal's reason, or the error of `work`
 */
export async function withDeadline<T>(
  { what, deadlineMs, signal }: Deadline,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const expiry = new AbortController()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (reason: unknown): void => {
    expiry.abort(reason)
    reject(reason as Error)
  }
  const onAbort = (): void => abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const cancel = clock.after(deadlineMs, () =>
    abort(new AppError('DEADLINE_EXCEEDED', { what, deadlineMs })),
  )
  try {
    return await Promise.race([work(expiry.signal), aborted])
  } finally {
    cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
