/** Examples of the calls about files. */
import {
  type CallExamples,
  chunkRoot,
  host,
  name,
  oldSha256,
  owner,
  sha256,
  size,
  source,
  timeMs,
} from './example.ts'

type FileCall =
  | 'findContent'
  | 'lookup'
  | 'search'
  | 'folder'
  | 'list'
  | 'push'
  | 'unshare'
  | 'unshareMatching'
  | 'versions'
  | 'why'
  | 'trash'
  | 'emptyTrash'
  | 'restore'
  | 'problems'
  | 'keptFolders'
  | 'confirmDeletes'

export const fileExamples: CallExamples<FileCall> = {
  findContent: { request: { sha256 }, reply: { sha256, name, size } },
  lookup: {
    request: { name },
    reply: {
      name,
      files: [
        {
          sha256,
          size,
          chunkRoot,
          modifiedMs: timeMs,
          sources: [{ ...source, kind: 'shared', http: { host, port: 8_100 }, zone: 'rack-1' }],
        },
      ],
    },
  },
  search: {
    request: { q: 'lake', limit: 1 },
    reply: { files: [{ name, sha256, size, copies: 2 }], next: 'MjpwaG90b3M' },
  },
  folder: {
    request: { folder: 'photos/2026' },
    reply: {
      folder: 'photos/2026',
      entries: [
        { type: 'folder', name: 'raw' },
        {
          type: 'file',
          name: 'lake.jpg',
          sha256,
          size,
          modifiedMs: timeMs,
          copies: 2,
          versions: 1,
        },
      ],
    },
  },
  list: {
    request: { kind: 'shared' },
    reply: { files: [{ name, kind: 'shared', size, sha256 }] },
  },
  push: {
    request: { name, wait: true },
    reply: { name, sha256, size, copies: 2 },
  },
  unshare: { request: { name }, reply: undefined },
  unshareMatching: {
    request: { pattern: 'photos/2019/**' },
    reply: {
      unshared: 41,
      failures: [
        {
          name: 'photos/2019/a.jpg',
          code: 'NOT_OWNER',
          message: "'photos/2019/a.jpg' belongs to peer2, which is live.",
        },
      ],
    },
  },
  versions: {
    request: { name },
    reply: {
      name,
      versions: [
        { owner, sha256, size, chunkRoot, modifiedMs: timeMs, state: 'current', copies: 2 },
        {
          owner,
          sha256: oldSha256,
          size: 4,
          chunkRoot: oldSha256,
          modifiedMs: timeMs - 60_000,
          state: 'replaced',
          copies: 1,
          keptUntilMs: timeMs + 3_600_000,
        },
      ],
    },
  },
  why: {
    request: { name },
    reply: {
      name,
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
  trash: {
    request: { q: 'lake' },
    reply: {
      files: [
        {
          name,
          owner,
          sha256,
          size,
          chunkRoot,
          deletedMs: timeMs,
          keptUntilMs: timeMs + 2_592_000_000,
          copies: 2,
        },
      ],
    },
  },
  emptyTrash: { request: { pattern: 'photos/2019/**' }, reply: { removed: 41, others: 0 } },
  restore: {
    request: { name },
    reply: { name, owner, at: owner, sha256, size, isDone: true },
  },
  problems: {
    reply: {
      total: 1,
      problems: [
        {
          code: 'LINK_BROKEN',
          name: 'photos/old',
          folder: 'shared',
          path: '/data/peer1/shared/photos/old',
          reason: 'it is a link to a file that does not exist',
          remedy: 'Repair or delete the link.',
        },
      ],
    },
  },
  keptFolders: {
    reply: { keptFolders: [{ folder: 'shared', reason: 'is missing', files: 1_204 }] },
  },
  confirmDeletes: { reply: { files: 1_204 } },
}
