import { createHash } from 'node:crypto'
import type { RequestOf } from '../../common/protocol/messages.ts'

/**
 * A challenge as a member of a mesh is answered, by all holders: its nonce is bound to the member that asks.
 * Without that, a peer without the content could pass its own challenge on, even to the member that sent it,
 * and return what it is answered.
 */
export function boundTo(askerId: string, challenge: RequestOf<'prove'>): RequestOf<'prove'> {
  const { nonce } = challenge
  const bound = createHash('sha256').update(Buffer.from(nonce, 'hex')).update(askerId).digest('hex')
  return { ...challenge, nonce: bound.slice(0, nonce.length) }
}
