import { expect, test } from 'vitest'
import { eventKindNames, eventKinds } from '../../common/protocol/event-kinds.ts'
import type { Event } from '../../common/protocol/messages.ts'
import { eventText } from './event-text.ts'

const copy = { peerId: 'peer3', otherPeerId: 'peer1', count: 1, bytes: 1_410_334_720 } as const

test.each([
  [
    { kind: 'copied', ...copy, name: 'a.iso', durationMs: 3_400 },
    "peer3 copied 'a.iso' from peer1 (1.41 GB in 3.4 s)",
  ],
  [
    { kind: 'copied', ...copy, name: 'a', bytes: 40_000, durationMs: 20 },
    "peer3 copied 'a' from peer1 (40.00 KB in less than 0.1 s)",
  ],
  [
    {
      kind: 'healed',
      ...copy,
      count: 538,
      folder: 'photos/2026',
      durationMs: 42_000,
      reason: 'peer2 is dead',
    },
    'peer3 replaced lost copies of 538 files in photos/2026/ from peer1 (1.41 GB in 42 s): peer2 is dead',
  ],
  [
    { kind: 'trimmed', peerId: 'p', count: 7, bytes: 5 },
    'p removed its extra replica of 7 files (5 B)',
  ],
  [
    { kind: 'peer-returned', peerId: 'p', count: 1, durationMs: 90_000 },
    'p returned after 1 min 30 s',
  ],
  [
    { kind: 'peer-returned', peerId: 'p', count: 14, durationMs: 60_000 },
    'p returned (14 times in 1 min 00 s)',
  ],
  [{ kind: 'peer-dead', peerId: 'p', count: 1 }, 'p is dead'],
  [{ kind: 'peer-left', peerId: 'p', count: 1, reason: 'for good' }, 'p left: for good'],
  [{ kind: 'index-started', count: 1 }, 'the index started'],
] satisfies [Omit<Event, 'id' | 'timeMs'>, string][])('%j is a sentence', (event, text) => {
  expect(eventText({ id: 'a-1', timeMs: 0, ...event })).toBe(text)
})

test('every kind has a sentence without holes, full stop or capital', () => {
  const all = { ...copy, name: 'n', durationMs: 1 }
  for (const kind of eventKindNames) {
    const text = eventText({ id: 'a-1', timeMs: 0, kind, ...all })
    expect(text, kind).not.toMatch(/[[\]{}?]|^[A-Z]|\.$/)
    const bare = eventText({ id: 'a-1', timeMs: 0, kind, peerId: 'p', count: 1, name: 'n' })
    expect(bare, kind).not.toMatch(/[[\]{}?]/)
    expect(eventKinds[kind].sentence.match(/\{(?!peer|other|files|duration)/), kind).toBeNull()
  }
})
