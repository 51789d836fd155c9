import type { AskedIndex } from '../announce/asked-index.ts'
import { type ReachNotice, unreachableRemedy } from '../announce/reach-notice.ts'
import type { Follower } from '../follow/follower.ts'
import type { Limiter } from '../limit/limiter.ts'
import { totalOf } from '../problem-table.ts'
import type { Share } from '../share/share.ts'
import type { JoinedMesh } from './mesh-api.ts'
import type { Status } from './status-shapes.ts'

export interface StatusParts {
  readonly share: Pick<Share, 'keptFolders' | 'problemCounts' | 'totals' | 'view'>
  readonly announcer: Pick<AskedIndex, 'absence'>
  readonly reach: Pick<ReachNotice, 'unreachable'>
  readonly follower: Pick<Follower, 'problem'>
  readonly limiter: Pick<Limiter, 'capacityBytes'>
  /** Undefined if the peer takes part in no mesh. */
  readonly mesh?: () => Pick<JoinedMesh, 'counts'> | undefined
}

export interface AnsweringPeer {
  readonly peerId: string
  /** Whether other machines reach it without TLS. */
  readonly isInsecure?: boolean
}

/** What the status says of the peer that answers, without asking an index. */
export function peerStatus(
  { peerId, isInsecure = false }: AnsweringPeer,
  { share, reach, limiter, follower, announcer, mesh }: StatusParts,
): Status['peer'] {
  const { capacityBytes } = limiter
  const { unreachable } = reach
  const { problem } = follower
  const { absence } = announcer
  const counts = mesh?.()?.counts
  return {
    peerId,
    ...(isInsecure && { isInsecure }),
    problems: totalOf(share.problemCounts()),
    keptFolders: keptFoldersOf(share),
    ...(counts && { mesh: counts }),
    ...(Number.isFinite(capacityBytes) && {
      capacity: { bytes: capacityBytes, usedBytes: share.totals().replicated.bytes },
    }),
    view: share.view(),
    ...(problem && { following: { failed: problem.failed, reason: problem.error.message } }),
    ...(unreachable && { unreachable: { ...unreachable, remedy: unreachableRemedy } }),
    ...(absence && {
      indexAway: {
        address: absence.address,
        awayMs: Math.round(absence.awayMs),
        isActing: absence.isActing,
      },
    }),
  }
}

/** The folders whose files are kept although they are gone. */
export function keptFoldersOf(share: Pick<Share, 'keptFolders'>): Status['peer']['keptFolders'] {
  return share.keptFolders().map(({ folder, reason, files }) => ({ folder, reason, files }))
}
