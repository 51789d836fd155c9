/** Waits until a cluster has healed, and measures how long that took. */
import { systemClock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Status } from '../../peer/api/status-shapes.ts'
import type { ChaosCluster } from './chaos-cluster.ts'

/** A cluster with a peer that answers, until `signal` is aborted. */
export type Asked = Pick<ChaosCluster, 'ask'> & { readonly signal?: AbortSignal }

const lookEveryMs = 100
/** Far more than any fault takes on a machine that does nothing else. */
const healDeadlineMs = 180_000
/** What is said at two looks in a row is not just the moment before the index notices. */
const looksAtRest = 5

/** The deadline passed: what the index said last. */
class NotHealed extends Error {
  override readonly name = 'NotHealed'
}

export interface Healing {
  /** Until the index noticed that something lacks copies; undefined if it never did. */
  readonly detectedMs: number | undefined
  /** From then until nothing did. */
  readonly healedMs: number
}

/**
 * Waits until the index knows that `gone` peers are, and no content that has a live copy lacks
 * others.
 * @throws NotHealed
 */
export async function untilHealed(cluster: Asked, live: number): Promise<Healing> {
  const startMs = systemClock.monotonicMs()
  let detectedMs: number | undefined
  let looks = 0
  await lookUntil(cluster, 'healed', ({ peers, repair, tasks, brake }) => {
    const { lastCopy = 0, draining = 0, others = 0 } = repair?.lacking ?? {}
    const isLacking = lastCopy + draining + others > 0
    if (isLacking && peers.live <= live) detectedMs ??= systemClock.monotonicMs() - startMs
    const isHealed = peers.suspect === 0 && !isLacking && tasks.running === 0 && brake === undefined
    looks = isHealed && peers.live === live ? looks + 1 : 0
    return looks >= looksAtRest
  })
  const tookMs = systemClock.monotonicMs() - startMs - looksAtRest * lookEveryMs
  return { detectedMs, healedMs: Math.max(0, tookMs - (detectedMs ?? tookMs)) }
}

/**
 * Waits until all `live` peers are, every content has its copies, and none has more.
 * @returns how long that took, in milliseconds
 * @throws NotHealed
 */
export async function untilAtRest(cluster: Asked, live: number): Promise<number> {
  const startMs = systemClock.monotonicMs()
  let looks = 0
  await lookUntil(cluster, 'at rest', (status) => {
    const { peers, belowFactor, aboveFactor = 0, tasks } = status
    const isAtRest = belowFactor + aboveFactor + tasks.running + tasks.waiting === 0
    looks = isAtRest && peers.live === live && peers.suspect === 0 ? looks + 1 : 0
    return looks >= looksAtRest
  })
  return Math.max(0, systemClock.monotonicMs() - startMs - looksAtRest * lookEveryMs)
}

async function lookUntil(
  cluster: Asked,
  what: string,
  isReached: (status: Status) => boolean,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + healDeadlineMs
  let last = 'no answer'
  while (systemClock.monotonicMs() < endMs) {
    try {
      const status = await cluster.ask((api) => api.status())
      last = JSON.stringify(status)
      if (isReached(status)) return
    } catch (error) {
      // The index may be away.
      last = reasonOf(error)
    }
    await systemClock.sleep(lookEveryMs, cluster.signal)
  }
  throw new NotHealed(`not ${what} within ${healDeadlineMs / 1_000} s: ${last}`)
}
