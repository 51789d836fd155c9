import { hasCode, toAppError } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { CallRequest } from './calls.ts'
import type { UnsharedPage, UnshareRequest } from './file-shapes.ts'

/** Concurrent unshares: those that arrive together are flushed together. */
const unsharesAtOnce = 64

interface Steps {
  /** One page of matching names. */
  readonly match: (request: {
    pattern: string
    limit: number
    after?: string | undefined
  }) => Promise<{ files: readonly { name: string }[]; next?: string }>
  readonly unshare: (request: CallRequest<'unshare'>) => Promise<void>
}

/** Errors that would repeat for every file, so that the rest is skipped. */
const commonFailures = ['INDEX_UNREACHABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'STOPPING'] as const

/**
 * Unshares one page of the files that match a pattern, concurrently; failures do not stop the others.
 * @throws AppError INDEX_UNREACHABLE, DEADLINE_EXCEEDED; or the signal's reason
 */
export async function unshareMatching(
  { pattern, after, ...options }: UnshareRequest,
  { match, unshare }: Steps,
): Promise<UnsharedPage> {
  const limit = limits.unsharedPerRequestMax
  const { files, next } = await match({ pattern, limit, after })
  let unshared = 0
  const failures: UnsharedPage['failures'] = []
  await inParallel(files, unsharesAtOnce, async ({ name }) => {
    try {
      await unshare({ name, ...options })
      unshared++
    } catch (error) {
      if (commonFailures.some((code) => hasCode(error, code))) throw error
      const { code, message } = toAppError(error)
      failures.push({ name, code, message })
    }
  })
  failures.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { unshared, failures, ...(next !== undefined && { next }) }
}
