import { type CallExamples, timeMs as modifiedMs, name, sha256, size } from './example.ts'

const mesh = {
  isMember: true,
  live: 5,
  suspect: 1,
  gone: 0,
  behind: 0,
  notKept: 0,
  programs: 1,
} as const
const queryId = '5d41402abc4b2a76b9719d911017c592'
const address = { peerId: 'peer4', host: '192.168.1.23', port: 7103 } as const

export const meshExamples: CallExamples<
  'mesh' | 'joinMesh' | 'askMesh' | 'meshQuery' | 'meshHeartbeat' | 'meshAsk' | 'meshHit'
> = {
  mesh: { reply: mesh },
  joinMesh: { request: { address: '192.168.1.20:7100' }, reply: mesh },
  askMesh: { request: { name }, reply: { queryId, hits: [], isOver: false } },
  meshQuery: {
    request: { queryId, after: 0, waitMs: 1_000 },
    reply: {
      queryId,
      hits: [{ name, sha256, size, modifiedMs, ...address }],
      isOver: false,
    },
  },
  meshHeartbeat: {
    request: { peerId: 'reader', files: [{ name, sha256, size }], isFirst: true },
    reply: { heartbeatMs: 20_000 },
  },
  meshAsk: {
    request: { queryId, name, ttl: 7, origin: 'http://192.168.1.30:9000' },
    reply: {
      hits: [{ peerId: 'peer4', url: 'http://192.168.1.23:8103', files: [{ name, sha256, size }] }],
    },
  },
  meshHit: {
    request: { queryId, peerId: 'reader', files: [{ name, sha256, size }] },
    reply: undefined,
  },
}
