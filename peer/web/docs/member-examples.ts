/** Examples of the calls about members of a secured cluster. */
import { type CallExamples, timeMs } from './example.ts'

type MemberCall = 'revokeMember' | 'joinTokens' | 'createJoinToken' | 'revokeJoinToken'

const tokenId = '00112233'
const authority = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
const token = `tandem-1-${authority}-${tokenId}445566778899aabbccddeeff@index.lan:7000`
const terms = { role: 'peer', usesMax: 1 } as const
const expiresMs = timeMs + 86_400_000

export const memberExamples: CallExamples<MemberCall> = {
  revokeMember: { request: { peerId: 'peer3' }, reply: undefined },
  joinTokens: {
    reply: {
      tokens: [{ tokenId, ...terms, createdMs: timeMs, expiresMs, uses: 0, isRevoked: false }],
    },
  },
  createJoinToken: {
    request: { ...terms, forMs: 86_400_000 },
    reply: { tokenId, token, command: `tandem peer --join ${token}`, ...terms, expiresMs },
  },
  revokeJoinToken: {
    request: { tokenId, members: false },
    reply: { tokenId, members: [] },
  },
}
