import type { Clock } from '../../common/clock.ts'
import { AppError, toAppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import type { Finder } from '../find/finder.ts'
import type { CallReply, CallRequest } from './calls.ts'

/** How long to wait for the file: a small one takes less, and users see that a large one is being fetched. */
const restoreWaitMs = 10_000
/** Interval of checking whether it is shared again. */
const restorePollMs = 100

interface Dependencies {
  readonly finder: Pick<Finder, 'lookup' | 'restore'>
  readonly restorer: {
    accept(file: { name: string; content: FoundContent }, waitMs: number): Promise<void>
  }
  readonly clock: Clock
  readonly peerId: string
}

/**
 * Has a deleted file brought back, by its owner or, if that is away, by this peer, and waits a while
 * until the index lists it. A later failure is an event.
 * @throws AppError NAME_INVALID, NOT_IN_TRASH, RESTORE_REFUSED; errors of the restoration at this peer
 */
export async function restoreFile(
  { name: text, owner: wanted }: CallRequest<'restore'>,
  signal: AbortSignal | undefined,
  { finder, restorer, clock, peerId }: Dependencies,
): Promise<CallReply<'restore'>> {
  const name = parseName(text)
  const request = { name, ...(wanted !== undefined && { owner: wanted }) }
  const { owner, at, content } = await finder.restore(request, signal)
  const { sha256, size } = content
  const untilMs = clock.monotonicMs() + restoreWaitMs
  const state: { isEnded: boolean; failure?: AppError } = { isEnded: at !== peerId }
  if (at === peerId)
    restorer.accept({ name, content }, restoreWaitMs).then(
      () => (state.isEnded = true),
      (error: unknown) => {
        state.isEnded = true
        state.failure = toAppError(error)
      },
    )
  const isShared = async (): Promise<boolean> => {
    if (state.failure !== undefined) throw state.failure
    if (!state.isEnded) return false
    const found = await finder.lookup(name, signal).catch((error: unknown) => {
      if (error instanceof AppError) return []
      throw error
    })
    return found.some(
      (one) => one.sha256 === sha256 && one.sources.some((source) => source.peerId === at),
    )
  }
  let isDone = await isShared()
  while (!isDone && clock.monotonicMs() < untilMs) {
    await clock.sleep(restorePollMs, signal)
    isDone = await isShared()
  }
  return { name, owner, at, sha256, size, isDone }
}
