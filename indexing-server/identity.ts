import { timingSafeEqual } from 'node:crypto'

/** Whether a peer sent what its id is bound to; takes the same time wherever the two differ. */
export function isSameIdentity(bound: string, sent: string | undefined): boolean {
  if (sent?.length !== bound.length) return false
  return timingSafeEqual(Buffer.from(bound), Buffer.from(sent))
}
