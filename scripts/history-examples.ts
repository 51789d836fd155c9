import type { Content, ReplyOf, RequestOf } from '../common/protocol/messages.ts'

type HistoryMessage = 'past-queries' | 'past-transfers'

/** The examples about the history of a peer that has received a file from its owner. */
export function historyExamples(file: {
  readonly name: string
  readonly content: Content
  readonly owner: string
  readonly timeMs: number
}): { readonly [T in HistoryMessage]: { request: RequestOf<T>; reply: ReplyOf<T> } } {
  const { name, owner, timeMs } = file
  const { sha256, size } = file.content
  return {
    'past-transfers': {
      request: { limit: 1, direction: 'in' },
      reply: {
        transfers: [
          {
            id: '1769817600000-7',
            timeMs,
            direction: 'in',
            purpose: 'download',
            name,
            sha256,
            count: 1,
            bytes: size,
            from: [{ peerId: owner, bytes: size }],
            to: 'peer2',
            durationMs: 210,
            bytesPerSecond: 12_483_047,
          },
        ],
        isMore: true,
      },
    },
    'past-queries': {
      request: { limit: 1, before: '1769817600000-8' },
      reply: {
        queries: [
          {
            id: '1769817600000-7',
            timeMs,
            kind: 'lookup',
            what: name,
            by: 'command',
            count: 1,
            found: 1,
            sha256,
            addresses: ['192.0.2.1:7100'],
            durationMs: 1.25,
          },
        ],
        isMore: false,
      },
    },
  }
}
