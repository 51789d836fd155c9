import type { ClusterMessage } from '../common/protocol/handlers.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'

const request = '-----BEGIN CERTIFICATE REQUEST-----\nMIHk…\n-----END CERTIFICATE REQUEST-----'
const certificate = '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----'
const issuer = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
const trust = {
  text: JSON.stringify({
    cluster: issuer.slice(0, 16),
    number: 7,
    authorities: [certificate],
    issuer,
    revoked: [{ id: 'peer9', throughGeneration: 1 }],
  }),
  signatures: [{ authority: issuer, signature: 'MEUCIQD…' }],
}

const tokenId = '00112233'
const token = `tandem-1-${issuer}-00112233445566778899aabbccddeeff@index.lan:7000`

/** The examples of messages of a secured cluster. */
export const clusterExamples: {
  readonly [T in ClusterMessage]: { request: RequestOf<T>; reply: ReplyOf<T> }
} = {
  'join-cluster': {
    request: { secret: '00112233445566778899aabbccddeeff', id: 'peer2', request, names: ['nas'] },
    reply: { certificate, trust },
  },
  'renew-certificate': {
    request: { request, names: ['nas'] },
    reply: { certificate, trust },
  },
  'exchange-trust': { request: { number: 6 }, reply: { number: 7, trust } },
  'revoke-member': { request: { id: 'peer9' }, reply: { number: 7 } },
  'create-join-token': {
    request: { role: 'peer', usesMax: 1, forMs: 86_400_000 },
    reply: {
      tokenId,
      token,
      command: `tandem peer --join ${token}`,
      role: 'peer',
      usesMax: 1,
      expiresMs: 1_790_086_400_000,
    },
  },
  'join-tokens': {
    request: {},
    reply: {
      tokens: [
        {
          tokenId,
          role: 'peer',
          usesMax: 1,
          createdMs: 1_790_000_000_000,
          expiresMs: 1_790_086_400_000,
          uses: 0,
          isRevoked: false,
          createdBy: 'peer1',
        },
      ],
    },
  },
  'revoke-join-token': {
    request: { tokenId, members: true },
    reply: { tokenId, members: ['peer9'] },
  },
}
