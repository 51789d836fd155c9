import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf } from './cluster-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

const deadlineMs = 60_000
const lookEveryMs = 10

/**
 * Resolves when the index knows exactly `copies` copies of a peer.
 * @throws AppError DEADLINE_EXCEEDED
 */
export async function copiesKnown(peer: TandemProcess, copies: number): Promise<void> {
  using api = apiOf(peer)
  const known = async (signal: AbortSignal): Promise<number | undefined> =>
    (await allPeers(api, signal)).find(({ peerId }) => peerId === peer.name)?.copies
  const deadline = { what: `Announcing the ${copies} copies of ${peer.name}`, deadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while ((await known(signal)) !== copies) await systemClock.sleep(lookEveryMs, signal)
  })
}
