/** Where the HTTP server of a peer is: a part of registrations and sources. */
import Type, { type Static } from 'typebox'
import { described, Host, Port } from './fields.ts'

export const NeedsToken = Type.Optional(
  Type.Literal(true, { description: 'Present if it requires a token' }),
)
export const IsSecure = Type.Optional(
  Type.Literal(true, { description: 'Present if it speaks HTTPS' }),
)
export const HttpAddress = described(
  Type.Object({ host: Host, port: Port, needsToken: NeedsToken, isSecure: IsSecure }),
  'Where others reach the HTTP server of the peer; absent if they cannot, as on loopback of another machine',
)
export type HttpAddress = Static<typeof HttpAddress>
