import { timingSafeEqual } from 'node:crypto'

/** Whether a peer sent the identity that its id is bound to; constant time. */
export function isSameIdentity(bound: string, sent: string | undefined): boolean {
  if (sent?.length !== bound.length) return false
  return timingSafeEqual(Buffer.from(bound), Buffer.from(sent))
}
