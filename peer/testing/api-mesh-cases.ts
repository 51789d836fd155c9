import { expect, test } from 'vitest'
import type { MeshCall } from '../api/mesh-calls.ts'
import { type DeclareTests, failing } from './api-case.ts'

const queryId = '5d41402abc4b2a76b9719d911017c592'

/** What calls about the mesh do at a peer that takes part in none. */
export const meshCases: Readonly<Record<MeshCall, DeclareTests>> = {
  mesh: (subject) => {
    test('says that it takes part in none', async () => {
      const counts = { live: 0, suspect: 0, gone: 0, behind: 0, notKept: 0, programs: 0 }
      expect(await subject().api.mesh()).toEqual({ isMember: false, ...counts })
    })
  },
  joinMesh: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.joinMesh({ address: '127.0.0.1:7100' }),
    )
    failing(subject, 'NOT_IN_MESH', 'for a program at a peer without a mesh', ({ api }) =>
      api.joinMesh({ peerId: 'program1', url: 'http://127.0.0.1:9000' }),
    )
    failing(subject, 'BAD_REQUEST', 'without an address', ({ api }) => api.joinMesh({}))
    failing(subject, 'BAD_REQUEST', 'of what is no address', ({ api }) =>
      api.joinMesh({ address: 'here' }),
    )
  },
  askMesh: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.askMesh({ name: 'plain.txt' }),
    )
    failing(subject, 'NAME_INVALID', 'for what is no name', ({ api }) =>
      api.askMesh({ name: '../x' }),
    )
  },
  meshQuery: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.meshQuery({ queryId, after: 0, waitMs: 0 }),
    )
  },
  meshHeartbeat: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.meshHeartbeat({ peerId: 'program1' }),
    )
  },
  meshAsk: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.meshAsk({ queryId, name: 'plain.txt', ttl: 7, origin: 'http://127.0.0.1:9000' }),
    )
  },
  meshHit: (subject) => {
    failing(subject, 'NOT_IN_MESH', 'at a peer without a mesh', ({ api }) =>
      api.meshHit({
        queryId,
        peerId: 'program1',
        files: [{ name: 'plain.txt', sha256: 'a'.repeat(64), size: 1 }],
      }),
    )
  },
}
