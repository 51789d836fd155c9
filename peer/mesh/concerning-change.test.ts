import { expect, test } from 'vitest'
import type { Change } from '../../common/protocol/messages.ts'
import { concerningChange } from './concerning-change.ts'

const held = 'a'.repeat(64)
const other = 'b'.repeat(64)

const files = {
  hasContent: (sha256: string) => sha256 === held,
  hasFile: ({ kind, name, owner }: { kind: string; name: string; owner?: string }) =>
    kind === 'replicated' && name === 'mine.txt' && owner === 'peer1',
}

function put(fields: Partial<Extract<Change, { op: 'put' }>>): Change {
  const content = { sha256: other, size: 1, chunkRoot: other, modifiedMs: 5 }
  return { op: 'put', seq: 7, kind: 'shared', name: 'a.txt', ...content, ...fields }
}

test.each([
  ['a copy of a content that this peer has', put({ sha256: held })],
  ['other content of a file that it keeps for the owner', put({ name: 'mine.txt' })],
  [
    'what another keeper has of such a file',
    put({ kind: 'replicated', owner: 'peer1', name: 'mine.txt' }),
  ],
  ['a drop', { op: 'drop', seq: 7, kind: 'shared', name: 'a.txt' } as const],
  ['an unshare', { op: 'unshare', seq: 7, name: 'a.txt' } as const],
])('%s is stored as it is', (_, change) => {
  expect(concerningChange(change, 'peer1', files)).toBe(change)
})

test.each([
  ['another file', put({}), { kind: 'shared', name: 'a.txt' }],
  [
    'a replica of another file',
    put({ kind: 'replicated', owner: 'peer9', name: 'mine.txt', version: other }),
    { kind: 'replicated', owner: 'peer9', name: 'mine.txt', version: other },
  ],
])('%s is forgotten', (_, change, key) => {
  expect(concerningChange(change, 'peer1', files)).toEqual({ op: 'drop', seq: 7, ...key })
})
