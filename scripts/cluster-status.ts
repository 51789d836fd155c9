import type { Status } from '../peer/api/shapes.ts'

export interface ClusterView {
  /** How many were started. */
  readonly peers: number
  /** The peers that ended since. */
  readonly ended: readonly string[]
  /** The replication factor. */
  readonly factor: number
  /** Undefined when the index does not answer. */
  readonly status: Omit<Status, 'peer'> | undefined
}

/** The cluster in one line, for people. */
export function statusLine({ peers, ended, factor, status }: ClusterView): string {
  const gone = ended.length > 0 ? [`ended: ${ended.join(', ')}`] : []
  if (status === undefined) return ['the index does not answer', ...gone].join(' · ')
  const { live, suspect, dead } = status.peers
  const waiting = status.tasks.waiting + status.tasks.running
  return [
    `${live} of ${Math.max(peers, live + suspect + dead)} peers live`,
    `${status.atFactor} of ${status.contents} files at ${factor} copies`,
    ...(waiting > 0 ? [`${waiting} to be copied`] : []),
    ...(status.paused === undefined ? [] : [`nothing is copied: ${status.paused}`]),
    ...(status.degraded === undefined ? [] : [`the index records nothing: ${status.degraded}`]),
    ...gone,
  ].join(' · ')
}
