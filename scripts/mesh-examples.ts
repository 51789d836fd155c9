import type { MemberClaim, MeshMessage } from '../common/protocol/mesh-messages.ts'
import type { Content, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { QueryMessage } from '../common/protocol/query-messages.ts'

/** The examples about a mesh of two peers and one that has left. */
export function meshExamples(first: {
  readonly peerId: string
  readonly epoch: string
  readonly freeBytes: number
  readonly timeMs: number
  /** The first change of its catalog. */
  readonly announcement: RequestOf<'announce'>
  /** A file that it has. */
  readonly name: string
  readonly content: Content
}): { readonly [T in MeshMessage | QueryMessage]: { request: RequestOf<T>; reply: ReplyOf<T> } } {
  const { peerId, epoch, freeBytes, timeMs: generation, announcement, name, content } = first
  const { sha256, size } = content
  const queryId = '5d41402abc4b2a76b9719d911017c592'
  const record = {
    peerId,
    generation,
    version: 7,
    host: '192.0.2.1',
    port: 7100,
    epoch,
    lastSeq: announcement.lastSeq,
    freeBytes,
  }
  const second = { ...record, peerId: 'peer2', host: '192.0.2.2', port: 7101, lastSeq: 0 }
  const left: MemberClaim = { record: { ...record, peerId: 'peer3', version: 9 }, state: 'left' }
  const hash = '7c9e6679f4d1b0a5'
  return {
    gossip: {
      request: { hash, news: [{ record }] },
      reply: { hash, news: [left] },
    },
    'mesh-join': {
      request: { record: second },
      reply: { members: [{ record }, left] },
    },
    'mesh-digest': {
      request: { buckets: `${'0'.repeat(504)}9b1c03fe` },
      reply: { groups: [63], rows: [{ peerId, generation, version: 7 }] },
    },
    'mesh-changes': {
      request: { peerId, epoch, after: announcement.previousSeq },
      reply: { member: { record }, announcement },
    },
    query: {
      request: {
        queryId,
        name,
        ttl: 7,
        origin: { peerId: 'peer2', host: '192.0.2.2', port: 7101 },
      },
      reply: {},
    },
    'query-hit': {
      request: { queryId, files: [{ name, sha256, size, modifiedMs: generation }] },
      reply: {},
    },
    'mesh-copies': {
      request: { sha256s: [sha256] },
      reply: { epoch, lastSeq: announcement.lastSeq, copies: announcement.changes.slice(0, 1) },
    },
    'probe-for': {
      request: { peerId },
      reply: { isLive: true },
    },
  }
}
