/** The column `bytes` of peers and totals, within the range that JSON represents exactly. */
export const boundedBytes = `${bounded('bytes')} as bytes`

/** The columns of a peer's holdings. */
export const holdingsColumns = `copies, ${boundedBytes}, replicas,
  ${bounded('replica_bytes')} as replicaBytes`

function bounded(column: string): string {
  return `max(0, min(${column}, ${Number.MAX_SAFE_INTEGER}))`
}
