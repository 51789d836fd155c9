import { expect, test } from 'vitest'
import type { CallReply, CallRequest, PeerApi } from '../api/calls.ts'
import { Shell } from '../testing/shell.ts'

const sha256 = 'ab'.repeat(32)
const row = { id: '1-1', timeMs: 1_769_817_600_000, at: 'peer1', durationMs: 250 }
const transfer: CallReply<'history'>['transfers'][number] = {
  ...row,
  direction: 'in',
  purpose: 'download',
  count: 1,
  bytes: 3_000_000,
  from: [
    { peerId: 'peer2', bytes: 2_000_000 },
    { peerId: 'peer3', bytes: 1_000_000 },
  ],
  to: 'peer1',
  bytesPerSecond: 12_000_000,
}

function shellWith(calls: Partial<PeerApi>): Shell {
  const shell = new Shell()
  Object.assign(shell.peer, calls)
  return shell
}

test('history shows who sent what to whom, and names peers that did not answer', async () => {
  const asked: CallRequest<'history'>[] = []
  const reply: CallReply<'history'> = {
    transfers: [
      { ...transfer, name: 'a\u001b[2J.txt', sha256 },
      { ...transfer, count: 538, folder: 'photos' },
    ],
    missing: [{ peerId: 'peer9', code: 'DEADLINE_EXCEEDED' }],
  }
  const shell = shellWith({
    history: async (request) => {
      asked.push(request)
      return reply
    },
  })
  expect(await shell.type('history', '--of', 'all', '--direction', 'in')).toBe(0)
  expect(asked).toMatchObject([{ peer: 'all', direction: 'in' }])
  const { text } = shell.answers
  expect(text).toContain('peer2 (2.00 MB), peer3 (1.00 MB)')
  expect(text).toContain('538 files in photos/')
  expect(text).toContain('250 ms')
  expect(text).toContain('No answer from peer9: DEADLINE_EXCEEDED.')
  expect(text).not.toContain('\u001b')
  expect(await shell.json('history')).toEqual(reply.transfers)
})

test('queries shows what was asked, by whom, and the answer', async () => {
  const query = { ...row, kind: 'lookup', by: 'page', what: 'a.txt', count: 1 } as const
  const queries: CallReply<'queries'>['queries'] = [
    { ...query, sha256, addresses: ['10.0.0.1:7100'], found: 1 },
    { ...query, error: 'NAME_NOT_FOUND' },
    { ...query, what: '', count: 9_980 },
    { ...query, kind: 'search', found: 12 },
  ]
  const shell = shellWith({ queries: async () => ({ queries, missing: [] }) })
  expect(await shell.type('queries')).toBe(0)
  const { text } = shell.answers
  for (const part of [
    'abababababab at 10.0.0.1:7100',
    'NAME_NOT_FOUND',
    '9980 more of lookup',
    '12',
  ])
    expect(text).toContain(part)
})

test('transfers shows what runs now', async () => {
  const running = {
    direction: 'out',
    purpose: 'replication',
    peerId: 'peer2',
    name: 'a.txt',
    sha256,
    count: 1,
    size: 4_000_000,
    bytes: 1_000_000,
    bytesPerSecond: 500_000,
  } as const
  const shell = shellWith({ transfers: async () => [running] })
  expect(await shell.type('transfers')).toBe(0)
  expect(shell.answers.text).toContain('1.00 MB of 4.00 MB')
  expect(shell.answers.text).toContain('to peer2')
  const idle = shellWith({ transfers: async () => [] })
  await idle.type('transfers')
  expect(idle.answers.text).toBe('Nothing is sent or received now.\n')
})

test('series shows bars, and the present value', async () => {
  const samples = Array.from({ length: 360 }, (_, index) => ({
    timeMs: index * 10_000,
    uploadBytesPerSecond: index * 1_000,
    downloadBytesPerSecond: 0,
    lookupsPerSecond: 1.5,
    p99Ms: 2.25,
    atFactor: 3,
    belowFactor: 4,
    withoutCopies: 0,
  }))
  const shell = shellWith({ series: async () => ({ everyMs: 10_000, samples }) })
  expect(await shell.type('series')).toBe(0)
  const [sent = '', received = ''] = shell.answers.text.split('\n')
  expect(sent).toMatch(/^sent +▁.*█ {2}now 359\.00 KB\/s$/)
  expect(received).toMatch(/^received +▁{60} {2}now 0 B\/s$/)
  expect(shell.answers.text).toMatch(/below factor +█+ {2}now 4/)
})
