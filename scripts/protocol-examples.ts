/**
 * One request and its reply for each message type, for PROTOCOL.md: all about one file of 2.5 MiB
 * of zero bytes, so that the author of a client can compute every hash.
 */
import { createHash } from 'node:crypto'
import { chunkRange, chunkRootOf } from '../common/content/chunks.ts'
import {
  type Content,
  type MessageType,
  protocolVersion,
  type ReplyOf,
  type RequestOf,
  type Source,
} from '../common/protocol/messages.ts'
import { clusterExamples } from './cluster-examples.ts'
import { historyExamples } from './history-examples.ts'
import { meshExamples } from './mesh-examples.ts'

export interface Example<T extends MessageType> {
  readonly request: RequestOf<T>
  readonly reply: ReplyOf<T>
  /** Raw bytes that follow the reply. */
  readonly bytes?: number
}

const name = 'notes/zeros.bin'
const size = 2_621_440
const zeros = Buffer.alloc(size)
/** A single-chunk content, for `read-many`. */
const smallFile = Buffer.from('hello\n')
const sha256Of = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const sha256 = sha256Of(zeros).toString('hex')
const oldSha256 = sha256Of(smallFile).toString('hex')

/** The SHA-256 of the example's chunks, in order. */
export const exampleChunkHashes: readonly Buffer[] = [0, 1, 2].map((index) => {
  const { start, bytes } = chunkRange(size, index)
  return sha256Of(zeros.subarray(start, start + bytes))
})
const chunkList = Buffer.concat(exampleChunkHashes)
export const exampleContent: Content = { sha256, size, chunkRoot: chunkRootOf(chunkList) }

const owner = 'peer1'
const epoch = '0123456789abcdef'
const freeBytes = 64_000_000_000
const modifiedMs = Date.UTC(2026, 0, 31)
const intentRecord = {
  kind: 'replication',
  key: 'photos/**',
  value: '{"factor":3}',
  changedMs: modifiedMs,
  revision: 17,
}
const source: Source = { peerId: owner, host: '192.0.2.1', port: 7100, kind: 'shared' }
const replica: Source = { peerId: 'peer2', host: '192.0.2.2', port: 7101, kind: 'replicated' }
const announcement: RequestOf<'announce'> = {
  epoch,
  previousSeq: 41,
  lastSeq: 46,
  changes: [
    { op: 'put', seq: 43, kind: 'shared', name, ...exampleContent, modifiedMs },
    { op: 'drop', seq: 44, kind: 'replicated', name: 'old.txt', owner: 'peer2' },
    { op: 'unshare', seq: 45, name: 'private.txt' },
    { op: 'remove', seq: 46, name: 'draft.txt', reason: 'deleted', removedMs: modifiedMs },
  ],
}

export const examples: { readonly [T in MessageType]: Example<T> } = {
  hello: {
    request: {
      protocol: protocolVersion,
      role: 'peer',
      peerId: owner,
      registration: {
        identity: sha256Of(Buffer.from('a secret')).toString('hex'),
        epoch,
        continues: { epoch: 'fedcba9876543210', lastSeq: 43 },
        port: 7100,
        http: { port: 8100 },
        zone: 'rack-1',
        freeBytes,
        diskBytes: 256_000_000_000,
        capacityBytes: 100_000_000_000,
      },
    },
    reply: {
      protocol: protocolVersion,
      role: 'index',
      registered: { seenSeq: 41, heartbeatMs: 10_000 },
    },
  },
  announce: {
    request: announcement,
    reply: { seenSeq: 46 },
  },
  rebalance: {
    request: { action: 'plan' },
    reply: {
      state: 'idle',
      movedContents: 0,
      movedBytes: 0,
      leftBytes: 0,
      bytesPerSecond: 10_000_000,
      plan: {
        flows: [{ from: 'peer1', to: 'peer3', contents: 120, bytes: 4_000_000_000 }],
        contents: 120,
        bytes: 4_000_000_000,
        isPartial: false,
      },
    },
  },
  heartbeat: {
    request: {
      freeBytes,
      diskBytes: 256_000_000_000,
      capacityBytes: 100_000_000_000,
      uploadBytesPerSecond: 12_000_000,
      downloadBytesPerSecond: 0,
    },
    reply: {},
  },
  leave: { request: { forGood: true }, reply: {} },
  lookup: {
    request: { name },
    reply: {
      contents: [
        {
          ...exampleContent,
          sources: [
            { ...source, http: { host: source.host, port: 8100 }, zone: 'rack-1' },
            replica,
          ],
        },
      ],
    },
  },
  'find-content': { request: { sha256 }, reply: { name, size } },
  search: {
    request: { query: 'notes/*', limit: 100 },
    reply: { files: [{ name, sha256, size, modifiedMs, copies: 2 }] },
  },
  'list-folder': {
    request: { folder: 'notes', limit: 100 },
    reply: {
      folder: 'notes',
      entries: [
        { type: 'folder', name: '2025' },
        { type: 'file', name: 'zeros.bin', sha256, size, modifiedMs, copies: 2, versions: 1 },
      ],
    },
  },
  match: {
    request: { pattern: 'notes/**', limit: 1_000, withModified: true },
    reply: { files: [{ name, ...exampleContent, modifiedMs, sources: [source, replica] }] },
  },
  peers: {
    request: { limit: 1 },
    reply: {
      peers: [
        {
          peerId: owner,
          host: source.host,
          port: source.port,
          http: { host: source.host, port: 8100 },
          zone: 'rack-1',
          state: 'live',
          copies: 1,
          bytes: size,
          replicaBytes: 0,
          freeBytes,
          silentMs: 1_200,
        },
      ],
      next: owner,
    },
  },
  status: {
    request: {},
    reply: {
      peers: { live: 2, suspect: 0, dead: 1 },
      contents: 2,
      atFactor: 1,
      belowFactor: 1,
      tasks: { waiting: 0, running: 1 },
    },
  },
  why: {
    request: { name },
    reply: {
      contents: [
        {
          sha256,
          size,
          factor: 2,
          wanted: true,
          copies: [{ peerId: owner, kind: 'shared', name, state: 'live' }],
          missing: ['no room for another copy: there is no other peer'],
        },
      ],
    },
  },
  versions: {
    request: { name, limit: 2 },
    reply: {
      versions: [
        { owner, ...exampleContent, modifiedMs, state: 'current', copies: 2 },
        {
          owner,
          sha256: oldSha256,
          size: smallFile.byteLength,
          chunkRoot: oldSha256,
          modifiedMs: modifiedMs - 60_000,
          state: 'replaced',
          copies: 1,
          keptUntilMs: modifiedMs + 3_600_000,
        },
      ],
      next: `${modifiedMs}/7/${owner}`,
    },
  },
  unshare: { request: { name }, reply: { owners: [owner] } },
  share: { request: { name }, reply: {} },
  report: {
    request: {
      outcomes: [
        { taskId: '17' },
        {
          taskId: '18',
          error: 'DISK_FAILED',
          reason: "Cannot write '/data/replicated/peer1/a.txt': EROFS: read-only file system, open",
        },
      ],
    },
    reply: {},
  },
  unreached: { request: { peerId: 'peer3' }, reply: {} },
  reached: {
    request: { host: '192.0.2.99', port: 7100, reason: 'connect ECONNREFUSED 192.0.2.99:7100' },
    reply: {},
  },
  verify: { request: { sha256 }, reply: {} },
  prove: {
    request: { sha256, chunk: 0, nonce: '9f86d081884c7d659a2feaa0c55ad015' },
    reply: { proof: oldSha256 },
  },
  'show-chunk': {
    request: { sha256, chunk: 1 },
    reply: {},
    bytes: chunkList.byteLength + chunkRange(size, 1).bytes,
  },
  probe: { request: {}, reply: {} },
  'await-changes': {
    request: { after: 'k3j9x2m4q7w1-17-4-9-3' },
    reply: { cursor: 'k3j9x2m4q7w1-18-4-9-3', topics: ['files'] },
  },
  events: {
    request: { limit: 2, after: 'mk0yo5c0-41', kinds: ['healed', 'peer-dead'] },
    reply: {
      events: [
        {
          id: 'mk0yo5c0-42',
          timeMs: modifiedMs,
          kind: 'peer-dead',
          peerId: 'peer3',
          count: 1,
          durationMs: 60_000,
        },
        {
          id: 'mk0yo5c0-57',
          timeMs: modifiedMs + 45_000,
          kind: 'healed',
          peerId: 'peer2',
          otherPeerId: owner,
          folder: 'notes',
          count: 538,
          bytes: 1_410_334_720,
          durationMs: 42_000,
          reason: 'peer3 is dead',
        },
      ],
      next: 'mk0yo5c0-57',
      isMore: false,
      newest: 'mk0yo5c0-57',
    },
  },
  'resume-replication': { request: {}, reply: { released: true } },
  drain: { request: { peerId: 'peer3' }, reply: {} },
  undrain: { request: { peerId: 'peer3' }, reply: { wasDrained: true } },
  maintain: {
    request: { peerId: 'peer3', forMs: 1_800_000 },
    reply: { wasInMaintenance: false },
  },
  'forget-peer': { request: { peerId: 'peer3' }, reply: { done: true } },
  safety: {
    request: { peerId: 'peer3' },
    reply: {
      held: { files: 120, bytes: 48_000_000 },
      alone: { files: 0, bytes: 0, names: [] },
      lacking: { files: 1, bytes: size, names: [name] },
      unplaceable: { files: 1, name, why: 'peer4 is not live' },
    },
  },
  'keep-intent': {
    request: {
      logId: '0123456789abcdef',
      after: 16,
      revision: 17,
      isLast: true,
      records: [intentRecord],
    },
    reply: { revision: 17 },
  },
  'read-intent': { request: { after: 16, limit: 1_000 }, reply: { records: [intentRecord] } },
  'set-replication': { request: { pattern: 'photos/**', factor: 3 }, reply: { peers: 4 } },
  'replication-rules': {
    request: {},
    reply: { byDefault: 2, rules: [{ pattern: 'photos/**', factor: 3, changedMs: modifiedMs }] },
  },
  'replication-of': {
    request: { name },
    reply: { factor: 2 },
  },
  'confirm-drops': {
    request: { copies: [{ owner: 'peer2', name: 'old.txt', sha256: oldSha256 }] },
    reply: { confirmed: [true] },
  },
  trash: {
    request: { query: 'notes/*', limit: 100 },
    reply: {
      files: [
        {
          name,
          owner,
          ...exampleContent,
          deletedMs: modifiedMs,
          keptUntilMs: modifiedMs + 2_592_000_000,
          copies: 2,
        },
      ],
    },
  },
  'empty-trash': { request: { pattern: 'notes/**' }, reply: { removed: 1, others: 0 } },
  restore: {
    request: { name },
    reply: { owner, at: owner, content: { ...exampleContent, sources: [replica] } },
  },
  'restore-file': {
    request: { name, content: { ...exampleContent, sources: [replica] } },
    reply: {},
  },
  'restore-failed': {
    request: { name, sha256, reason: 'No peer has the file now.' },
    reply: {},
  },
  relabel: {
    request: { copies: [{ from: { owner, name: 'old.txt' }, to: { owner, name }, sha256 }] },
    reply: { relabelled: [true] },
  },
  'confirm-copies': { request: { sha256s: [sha256] }, reply: { confirmed: [true] } },
  tasks: {
    request: {
      tasks: [
        {
          kind: 'replicate',
          taskId: '17',
          name,
          owner,
          content: exampleContent,
          sources: [source],
        },
        { kind: 'drop', taskId: '18', name: 'old.txt', owner: 'peer2', sha256 },
      ],
    },
    reply: {},
  },
  progress: { request: { tasks: [{ taskId: '17', bytes: 1_048_576 }] }, reply: {} },
  'cancel-tasks': { request: { taskIds: ['17'] }, reply: {} },
  accuse: { request: { peerId: 'peer3', sha256 }, reply: {} },
  fetching: { request: { contents: [exampleContent] }, reply: {} },
  ...clusterExamples,
  ...meshExamples({
    peerId: owner,
    epoch,
    freeBytes,
    timeMs: modifiedMs,
    announcement,
    name,
    content: exampleContent,
  }),
  ...historyExamples({ name, content: exampleContent, owner, timeMs: modifiedMs }),
  'chunk-list': {
    request: { sha256 },
    reply: { size, chunkRoot: exampleContent.chunkRoot },
    bytes: chunkList.byteLength,
  },
  chunks: { request: { sha256 }, reply: { size, count: 3, bitmap: 'oA==' } },
  read: {
    request: { sha256, chunk: 1 },
    reply: {},
    bytes: chunkRange(size, 1).bytes,
  },
  'read-many': {
    request: { sha256s: [sha256Of(smallFile).toString('hex'), sha256] },
    reply: { contents: [{ size: smallFile.length }, { error: 'TOO_LARGE' }] },
    bytes: smallFile.length,
  },
}
