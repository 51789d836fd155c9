import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { PeerApi } from '../api/calls.ts'
import type { CopyCheck, Repair, Scrub } from '../api/scrub-shapes.ts'
import { Shell } from '../testing/shell.ts'
import { scrubText } from './scrub-command.ts'
import type { Style } from './style.ts'

const hourMs = 3_600_000
const nowMs = 1_000 * hourMs
const plain: Style = (_, text) => text
const idle: Scrub = { state: 'off', isPaused: false, days: 0, damagedFiles: 0, damaged: [] }
const gigabyte = 1_000_000_000

const check: CopyCheck = {
  id: 'check1',
  pattern: 'a/**',
  state: 'running',
  files: 1,
  bytes: 10,
  bad: 0,
  unread: 0,
  listed: [],
}

const repair: Repair = {
  id: 'repair1',
  name: 'a.txt',
  kind: 'shared',
  path: '/data/peer1/shared/a.txt',
  sha256: 'a'.repeat(64),
  size: 10,
  state: 'running',
  bytes: 0,
}

/** A command line whose peer answers these calls. */
function aShell(calls: Partial<PeerApi>): Shell {
  const shell = new Shell()
  Object.assign(shell.peer, calls)
  return shell
}

test('the state, the pass, the last one and damaged files are shown', () => {
  expect(scrubText(idle, nowMs, plain)).toContain('off')
  expect(scrubText({ ...idle, state: 'paused', isPaused: true }, nowMs, plain)).toContain(
    '--resume',
  )
  const waiting = { ...idle, state: 'waiting', days: 30, nextMs: nowMs + 2 * hourMs } as const
  expect(scrubText(waiting, nowMs, plain)).toBe(
    'Scrubbing: every 30 days; the next pass begins in 2 h 00 min',
  )
  const running: Scrub = {
    ...idle,
    state: 'running',
    days: 30,
    pass: {
      startedMs: nowMs - hourMs,
      bytes: gigabyte,
      files: 2,
      totalBytes: 3 * gigabyte,
      totalFiles: 9,
      bad: 1,
      isHurried: false,
      expectedEndMs: nowMs + hourMs,
    },
    last: { startedMs: 0, endedMs: hourMs, bytes: gigabyte, files: 3, bad: 0 },
    damagedFiles: 2,
    damaged: [
      {
        name: 'a.txt',
        folder: 'shared',
        path: '/a.txt',
        sha256: 'a'.repeat(64),
        foundMs: nowMs,
        reason: 'has bytes that changed',
        chunks: 3,
        badChunks: 1,
      },
    ],
  }
  expect(scrubText(running, nowMs, plain).split('\n')).toEqual([
    'Scrubbing: running, one pass in 30 days',
    'Pass:      1.00 GB of 3.00 GB, 2 of 9 copies; 1 damaged; began 1 h 00 min ago, ends in about 1 h 00 min',
    'Last pass: ended 41 d 15 h ago after 1 h 00 min; 3 copies, 1.00 GB, 0 damaged',
    'Damaged:   shared/a.txt has bytes that changed (1 of 3 chunks): run `repair` for it',
    '… and 1 more',
  ])
})

test('copies that are named are read, and the exit code says whether they are good', async () => {
  const ends: CopyCheck[] = [
    { ...check, state: 'done', files: 2, bytes: 20 },
    {
      ...check,
      state: 'done',
      files: 2,
      bad: 1,
      listed: [{ name: 'b', folder: 'replicated', owner: 'peer2', verdict: 'bad' }],
    },
    { ...check, state: 'done', files: 0 },
  ]
  const shell = aShell({
    checkCopies: async () => check,
    copyCheck: async () => ends.shift() ?? check,
  })
  expect(await shell.type('scrub', 'a/**')).toBe(0)
  expect(shell.answers.text).toContain('Read 2 copies (20 B): 0 damaged.')
  expect(await shell.type('scrub', 'a/**')).toBe(1)
  expect(shell.answers.text).toContain('! replicated/peer2/b is damaged')
  expect(shell.remarks.text).toContain('COPIES_DAMAGED')
  expect(await shell.type('scrub', 'none')).toBe(1)
  expect(shell.remarks.text).toContain('NO_MATCH')
})

test('a pass is begun, paused and resumed', async () => {
  const asked: unknown[] = []
  const shell = aShell({
    scrub: async () => idle,
    scrubNow: async () => {
      asked.push('now')
      return idle
    },
    changeScrub: async (change) => {
      asked.push(change)
      return idle
    },
  })
  for (const words of [[], ['--now'], ['--pause'], ['--resume']])
    expect(await shell.type('scrub', ...words)).toBe(0)
  expect(asked).toEqual(['now', { isPaused: true }, { isPaused: false }])
  expect(await shell.type('scrub', '--now', '--pause')).toBe(1)
  expect(await shell.type('scrub', '--json')).toBe(0)
  expect(shell.answers.text).toContain('"damagedFiles": 0')
})

test('a repair is waited for, and its failure explained', async () => {
  const { code, message, retryable } = new AppError('NO_SOURCE', { name: 'a.txt', tried: 'peer2' })
  const error = { code, message, retryable, details: {} }
  const ends: Repair[] = [
    { ...repair, state: 'done', bytes: 10 },
    { ...repair, state: 'failed', error },
  ]
  const shell = aShell({ repair: async () => repair, repairOf: async () => ends.shift() ?? repair })
  expect(await shell.type('repair', 'a.txt')).toBe(0)
  expect(shell.answers.text).toContain('Repaired /data/peer1/shared/a.txt (10 B)')
  expect(await shell.type('repair', 'a.txt')).toBe(1)
  expect(shell.remarks.text).toContain('No peer could send')
})
