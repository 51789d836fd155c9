import { limits } from '../common/limits.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { Mover } from './replication/mover.ts'
import type { RebalancePlan } from './replication/rebalance.ts'

type RebalanceReply = ReplyOf<'rebalance'>

/** Carries out what a peer asks of rebalancing. */
export async function rebalance(
  { action }: RequestOf<'rebalance'>,
  mover: Mover,
): Promise<RebalanceReply> {
  if (action === 'plan')
    return { ...rebalanceProgress(mover), plan: planReply(await mover.rebalance.plan()) }
  if (action === 'stop') mover.stopRebalance()
  if (action !== 'start') return rebalanceProgress(mover)
  await mover.rebalance.start()
  const planned = mover.rebalance.progress?.planned
  return { ...rebalanceProgress(mover), ...(planned && { plan: planReply(planned) }) }
}

/** How the current or last rebalance is going. */
export function rebalanceProgress(mover: Mover): RebalanceReply {
  const { bytesPerSecond, obstacle } = mover
  const rate = Number.isFinite(bytesPerSecond) ? { bytesPerSecond } : {}
  const { progress } = mover.rebalance
  if (progress === undefined)
    return { state: 'idle', movedContents: 0, movedBytes: 0, leftBytes: 0, ...rate }
  const { cause, planned, isRunning, isStopped, movedContents, movedBytes } = progress
  const isWaiting = isRunning && obstacle !== undefined
  const ended = isStopped ? 'stopped' : 'done'
  return {
    state: isRunning ? (isWaiting ? 'waiting' : 'running') : ended,
    cause,
    ...(isWaiting && { waitsFor: obstacle }),
    movedContents,
    movedBytes,
    leftBytes: isRunning ? Math.max(0, planned.bytes - movedBytes) : 0,
    ...rate,
  }
}

function planReply({ flows, ...plan }: RebalancePlan): NonNullable<RebalanceReply['plan']> {
  return { flows: flows.slice(0, limits.rebalanceFlowsMax), ...plan }
}
