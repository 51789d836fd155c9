import type { Status } from '../peer/api/status-shapes.ts'

export interface ClusterView {
  /** Number of peers started. */
  readonly peers: number
  /** Peers that have ended. */
  readonly ended: readonly string[]
  /** The replication factor. */
  readonly factor: number
  /** Undefined if the index does not answer. */
  readonly status: Omit<Status, 'peer'> | undefined
}

/** The state of the cluster in one line. */
export function statusLine({ peers, ended, factor, status }: ClusterView): string {
  const gone = ended.length > 0 ? [`ended: ${ended.join(', ')}`] : []
  if (status === undefined) return ['the index does not answer', ...gone].join(' · ')
  const { live, suspect, dead } = status.peers
  const waiting = status.tasks.waiting + status.tasks.running
  return [
    `${live} of ${Math.max(peers, live + suspect + dead)} peers live`,
    `${status.atFactor} of ${status.contents} files at ${factor} copies`,
    ...(waiting > 0 ? [`${waiting} queued for copying`] : []),
    ...(status.paused === undefined ? [] : [`copying is paused: ${status.paused}`]),
    ...(status.degraded === undefined ? [] : [`the index cannot write: ${status.degraded}`]),
    ...gone,
  ].join(' · ')
}
