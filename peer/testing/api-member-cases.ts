import type { MemberCall } from '../api/member-calls.ts'
import { type DeclareTests, failing } from './api-case.ts'

const tokenId = '00112233'

/** The contract of the calls about members of a secured cluster, which the cluster of the subjects is not. */
export const memberCases = {
  revokeMember: (subject) => {
    failing(subject, 'NOT_IN_CLUSTER', 'in a cluster that is not secured', ({ api }) =>
      api.revokeMember({ peerId: 'peer2' }),
    )
  },
  joinTokens: (subject) => {
    failing(subject, 'NOT_IN_CLUSTER', 'in a cluster that is not secured', ({ api }) =>
      api.joinTokens(),
    )
  },
  createJoinToken: (subject) => {
    failing(subject, 'NOT_IN_CLUSTER', 'in a cluster that is not secured', ({ api }) =>
      api.createJoinToken({ role: 'peer', forMs: 60_000, usesMax: 1 }),
    )
  },
  revokeJoinToken: (subject) => {
    failing(subject, 'NOT_IN_CLUSTER', 'in a cluster that is not secured', ({ api }) =>
      api.revokeJoinToken({ tokenId, members: false }),
    )
  },
} satisfies Record<MemberCall, DeclareTests>
