import type { Source } from '../../../common/protocol/messages.ts'

/**
 * Whether two peers that hashed the whole content by themselves state this chunk root: then its chunks
 * prove it (docs/decisions/0005). Of a downloaded copy it is unknown whether its peer did, and one that
 * is still downloading has not.
 */
export function isVouched(sources: readonly Source[]): boolean {
  const vouchers = sources.filter(({ kind }) => kind === 'shared' || kind === 'replicated')
  return new Set(vouchers.map(({ peerId }) => peerId)).size >= 2
}
