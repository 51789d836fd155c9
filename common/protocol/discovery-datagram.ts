/** What members of a mesh tell all of their local network: that they are there. */
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { limits } from '../limits.ts'
import { described, Epoch, PeerId, Port } from './fields.ts'
import { protocolVersion } from './messages.ts'

/** An address for local use (RFC 2365), which routers do not forward: 84.78 is TN. */
export const discoveryGroup = '239.255.84.78'
/** The UDP port by default: the one below those of peers. */
export const discoveryPort = 7_099

export const Discovered = Type.Object({
  protocol: described(Type.Literal(protocolVersion), 'Others are ignored'),
  peerId: PeerId,
  epoch: Epoch,
  port: Port,
})
export type Discovered = Static<typeof Discovered>

export function toDatagram({ peerId, epoch, port }: Omit<Discovered, 'protocol'>): Uint8Array {
  return Buffer.from(JSON.stringify({ protocol: protocolVersion, peerId, epoch, port }))
}

/** What a datagram says; undefined if it is none of ours. */
export function parseDatagram(bytes: Uint8Array): Discovered | undefined {
  if (bytes.length > limits.discoveryBytesMax) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    return Value.Check(Discovered, value) ? value : undefined
  } catch {
    return undefined
  }
}
