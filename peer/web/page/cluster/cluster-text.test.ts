import { describe, expect, test } from 'vitest'
import type { Peer, Status } from '../live/live-types.ts'
import {
  awayText,
  healthOf,
  insecureText,
  lackingGroups,
  notesOf,
  repairText,
  sortedPeers,
  spaceOf,
} from './cluster-text.ts'

const peer = {
  peerId: 'peer1',
  host: '192.0.2.1',
  port: 7_100,
  state: 'live',
  copies: 3,
  bytes: 30,
  freeBytes: 50,
  silentMs: 1_000,
} as const satisfies Peer

const healthy = {
  peers: { live: 2, suspect: 0, dead: 0 },
  contents: 10,
  atFactor: 10,
  belowFactor: 0,
  tasks: { waiting: 0, running: 0 },
} as unknown as Status

const repair = {
  lacking: { lost: 0, lastCopy: 4, draining: 0, others: 2 },
  missingBytes: 6_000,
  filesPerSecond: 2.5,
  bytesPerSecond: 2_500,
  leftMs: 65_000,
  now: [],
}

test('the notice says who answers while the index is away', () => {
  const away = { address: 'i:7000', awayMs: 65_000, isActing: false }
  expect(awayText(away)).toContain('no copies are made yet')
  expect(awayText({ ...away, isActing: true })).toContain('the peers maintain the copies')
  expect(awayText({ ...away, awayMs: 0 })).toContain('is back')
})

describe('peers', () => {
  test('are sorted by state, then by the numbers in their ids', () => {
    const peers: Peer[] = [
      { ...peer, peerId: 'peer10' },
      { ...peer, peerId: 'a', state: 'dead' },
      { ...peer, peerId: 'peer9' },
      { ...peer, peerId: 'b', state: 'suspect' },
    ]
    expect(sortedPeers(peers).map(({ peerId }) => peerId)).toEqual(['peer9', 'peer10', 'b', 'a'])
  })

  test('are told apart by what is done with them', () => {
    const progress = { files: 12, lackingFiles: 2, lackingBytes: 5 }
    const notes = notesOf({
      ...peer,
      draining: { forMs: 5, progress },
      maintenance: { leftMs: 90_000 },
      unproven: { copies: 3, isDistrusted: false },
      flapping: { breaks: 4, leftMs: 5 },
    })
    expect(notes.map(({ text }) => text)).toEqual([
      'draining: 10 of 12 files elsewhere',
      'maintenance, 1 min 30 s left',
      '3 copies not proven',
      'unsteady: lost 4 times',
    ])
  })

  test('that are drained are safe to stop', () => {
    const progress = { files: 12, lackingFiles: 0, lackingBytes: 0 }
    expect(notesOf({ ...peer, draining: { forMs: 5, progress } })[0]?.text).toMatch(/safe to stop/)
  })

  test('share their disk between the cluster, other files and free space', () => {
    expect(spaceOf({ ...peer, diskBytes: 100 })).toEqual({
      cluster: 0.3,
      other: 0.2,
      tone: '',
      text: '50 B of 100 B free',
    })
  })

  test('with a nearly full disk stand out', () => {
    expect(spaceOf({ ...peer, diskBytes: 100, freeBytes: 9 })?.tone).toBe('bad')
  })

  test('may have more copies than used bytes, as with sparse files', () => {
    expect(spaceOf({ ...peer, diskBytes: 100, bytes: 500 })).toMatchObject({
      cluster: 0.5,
      other: 0,
    })
  })

  test('may not say how large their disk is', () => {
    expect(spaceOf(peer)).toBeUndefined()
  })
})

describe('health', () => {
  test('is good when every file has its copies', () => {
    expect(healthOf(healthy)).toEqual({
      tone: 'ok',
      title: 'Every file has its copies',
      reasons: [],
    })
  })

  test('is bad when a file has no copy, whatever else is wrong', () => {
    const lacking = { ...repair.lacking, lost: 1 }
    const health = healthOf({ ...healthy, belowFactor: 7, repair: { ...repair, lacking } })
    expect(health).toMatchObject({ tone: 'bad', title: '1 file has no live copy' })
  })

  test('says what holds copies up', () => {
    const { tone, reasons } = healthOf({
      ...healthy,
      belowFactor: 6,
      repair,
      brake: { cause: 'peers-lost', forMs: 5, leftMs: 60_000 },
      wantMorePeers: 2,
      unproven: { copies: 3, peers: 1, distrusted: 0 },
      noRoom: {
        contents: 3,
        bytes: 900,
        addBytes: 300,
        peers: [{ peerId: 'peer2', roomBytes: 1 }],
        peersInAll: 1,
      },
    })
    expect(tone).toBe('warn')
    expect(reasons).toEqual([
      'Many peers were lost together: nothing is copied or dropped for up to 1 min.',
      '3 copies of 1 peer, not proven, and therefore not counted.',
      '3 files (900 B) fit on no peer: add at least 300 B to peer2.',
      '2 files need more copies than there are peers: start another peer.',
    ])
  })
})

describe('repair', () => {
  test('says its speed and how long it takes', () => {
    expect(repairText(repair)).toBe('2.5 files/s, 2.50 KB/s, about 1 min 5 s left')
  })

  test('that does not move says so', () => {
    expect(repairText({ ...repair, filesPerSecond: 0 })).toBe('Nothing is being copied now')
  })

  test('is grouped by urgency, without empty groups', () => {
    expect(lackingGroups(repair).map(({ label, count }) => [label, count])).toEqual([
      ['One copy left', 4],
      ['Fewer than required', 2],
    ])
  })
})

test.each([
  [{}, {}, 'undefined'],
  [
    { isInsecure: true },
    {},
    'Every machine that reaches the index can read, change and delete files.',
  ],
  [{}, { isInsecure: true }, 'Every machine that reaches peer1 can read, change and delete files.'],
  [{ isInsecure: true }, { isInsecure: true }, 'that reaches the index or peer1 can read'],
])('what is insecure: %j, %j', (index, self, text) => {
  const given = { ...healthy, ...index, peer: { peerId: 'peer1', ...self } } as Status
  expect(String(insecureText(given))).toContain(text)
})
