/**
 * What prevents a peer from working, computed from the facts that `status` and `problems` also
 * show. `/healthz` and the metric `tandem_peer_problems` are derived from it.
 */
import type { AppError } from '../common/errors.ts'
import { reasonOf } from '../common/errors.ts'
import { type ProblemCode, type ProblemCounts, problemCodes, totalOf } from './problem-table.ts'

/** With less free space a disk counts as full: it may take some small files, and soon none. */
const diskFullBytes = 16 * 1024 * 1024
/** The same for small disks, in percent. */
const diskFullPercent = 1

export const troubleCodes = [
  'INDEX_REFUSES',
  'INDEX_AWAY',
  'NOT_REACHABLE',
  'FILES_MISSING',
  'DISK_FULL',
  'DISK_UNUSABLE',
  'HISTORY_UNUSABLE',
] as const
export type TroubleCode = (typeof troubleCodes)[number]

/** Something that prevents a part of the peer's work. */
export interface Trouble {
  readonly code: TroubleCode
  /** One sentence, without a full stop. */
  readonly reason: string
  /** What the user can do. */
  readonly remedy: string
}

export interface HealthFacts {
  readonly index:
    | { readonly state: 'connected' }
    | {
        readonly state: 'connecting'
        readonly address: string
        readonly error?: AppError | undefined
        /** Whether this peer's own index answers for it, in a mesh. */
        readonly isReplaced?: true
      }
    | { readonly state: 'refused'; readonly address: string; readonly error: AppError }
  /** Why the index cannot connect to this peer, if it cannot. */
  readonly unreachable:
    | { readonly address: string; readonly reason: string; readonly remedy: string }
    | undefined
  /** Folders that are unavailable or have lost their files. */
  readonly keptFolders: readonly {
    readonly folder: string
    readonly reason: string
    readonly files: number
  }[]
  /** Free space of the disk for replicas, or why it is unknown. */
  readonly room: { readonly freeBytes: number; readonly diskBytes: number } | AppError
  /** Why the history cannot be written to disk, if it cannot. */
  readonly historyFault: string | undefined
  /** Files and folders that are not shared. */
  readonly problems: ProblemCounts
}

export interface Health {
  /**
   * `degraded`: a part of its work is blocked. `failed`: all of it is, because the index does not
   * accept this peer.
   */
  readonly status: 'ok' | 'degraded' | 'failed'
  readonly index: 'connected' | 'disconnected' | 'refused'
  readonly troubles: readonly Trouble[]
  /** The number of files and folders that are not shared. */
  readonly problems: number
  /** Of the disk that copies are put on; absent while it cannot be measured. */
  readonly disk: { readonly freeBytes: number; readonly diskBytes: number } | undefined
  /** The number of each kind of trouble and problem, including zeros. */
  readonly counts: Readonly<Record<TroubleCode | ProblemCode, number>>
}

export function healthOf(facts: HealthFacts): Health {
  const { index, problems, room } = facts
  const troubles = [
    ...indexTroubles(facts),
    ...folderTroubles(facts),
    ...diskTroubles(facts),
    ...historyTroubles(facts),
  ]
  const degraded = troubles.length > 0 ? 'degraded' : 'ok'
  const counted = (code: TroubleCode): number =>
    troubles.filter((trouble) => trouble.code === code).length
  return {
    status: index.state === 'refused' ? 'failed' : degraded,
    index: index.state === 'connecting' ? 'disconnected' : index.state,
    troubles,
    problems: totalOf(problems),
    disk: room instanceof Error ? undefined : room,
    counts: Object.fromEntries([
      ...troubleCodes.map((code) => [code, counted(code)] as const),
      ...problemCodes.map((code) => [code, problems.get(code) ?? 0] as const),
    ]) as Health['counts'],
  }
}

function indexTroubles({ index, unreachable }: HealthFacts): Trouble[] {
  const troubles: Trouble[] = []
  if (index.state === 'refused')
    troubles.push({
      code: 'INDEX_REFUSES',
      reason: `the index at ${index.address} refuses this peer: ${reasonOf(index.error)}`,
      remedy: 'Follow the reason, and restart the peer if its settings change.',
    })
  if (index.state === 'connecting') {
    const why = index.error === undefined ? '' : `: ${reasonOf(index.error)}`
    troubles.push({
      code: 'INDEX_AWAY',
      reason: `there is no connection to the index at ${index.address}${why}`,
      remedy: `${index.isReplaced ? 'Meanwhile this peer answers from what it knows of other peers. ' : ''}Start the index, or pass its address with --index. The peer reconnects automatically.`,
    })
  }
  if (unreachable !== undefined)
    troubles.push({
      code: 'NOT_REACHABLE',
      reason: `the index cannot connect to ${unreachable.address}: ${unreachable.reason}`,
      remedy: sentence(unreachable.remedy),
    })
  return troubles
}

function folderTroubles({ keptFolders }: HealthFacts): Trouble[] {
  return keptFolders.map(({ folder, reason }) => ({
    code: 'FILES_MISSING',
    reason: `${folder}/ ${reason}`,
    remedy:
      'Restore the folder and its files; or run `tandem deletes confirm` if they were deleted on purpose.',
  }))
}

function diskTroubles({ room }: HealthFacts): Trouble[] {
  if (room instanceof Error)
    return [
      {
        code: 'DISK_UNUSABLE',
        reason: reasonOf(room),
        remedy:
          'Mount the disk of the data folder, and let the user that runs the peer write there.',
      },
    ]
  const { freeBytes, diskBytes } = room
  if (freeBytes >= Math.min(diskFullBytes, (diskBytes / 100) * diskFullPercent)) return []
  return [
    {
      code: 'DISK_FULL',
      reason: `the disk for copies has ${freeBytes} of ${diskBytes} bytes free`,
      remedy: 'Free some space there; downloads that wait for it resume automatically.',
    },
  ]
}

function historyTroubles({ historyFault }: HealthFacts): Trouble[] {
  if (historyFault === undefined) return []
  return [
    {
      code: 'HISTORY_UNUSABLE',
      reason: `the history of transfers and queries cannot be written to disk: ${historyFault}`,
      remedy:
        'Free some space on the disk of the data folder, and let the user that runs the peer write there; restart the peer if that does not help.',
    },
  ]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
