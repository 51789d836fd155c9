import type { MeshMessage } from '../../common/protocol/mesh-messages.ts'
import type { ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import type { Address } from '../../common/protocol/transport.ts'

/** Sends requests to other members, over connections that it keeps. */
export interface MeshLink {
  /**
   * Sends a request. `peerId` is absent if it is not known who answers at the address.
   * @throws AppError of the connection, of the other side, or if another peer answers than `peerId`;
   * the signal's reason
   */
  request<T extends MeshMessage>(
    to: { address: Address; peerId?: string | undefined },
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>>
}
