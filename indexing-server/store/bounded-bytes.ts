/** The column `bytes` of peers and totals, within the range that JSON represents exactly. */
export const boundedBytes = `max(0, min(bytes, ${Number.MAX_SAFE_INTEGER})) as bytes`
