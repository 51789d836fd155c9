import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Event } from '../../common/protocol/messages.ts'
import { Shell } from '../testing/shell.ts'

/** A shell of a peer where this happened, a second apart. */
function shellWith(...events: readonly Partial<Event>[]): Shell {
  const shell = new Shell()
  shell.peer.eventList.length = 0
  const startMs = Math.floor(shell.clock.nowMs()) - 1_000 * events.length
  events.forEach((event, index) => {
    const id = `a-${index + 1}`
    const timeMs = startMs + 1_000 * index
    shell.peer.eventList.push({ id, timeMs, kind: 'peer-joined', count: 1, ...event })
  })
  return shell
}

const joined = Array.from({ length: 700 }, (_, index) => ({ peerId: `p${index}` }))
const times = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}/gm

describe('events', () => {
  test('shows the newest at the end, each with its time', async () => {
    const shell = shellWith({ peerId: 'peer1' }, { kind: 'peer-dead', peerId: 'peer\u202e2' })
    expect(await shell.type('events')).toBe(0)
    expect(shell.answers.text.match(times)).toHaveLength(2)
    expect(shell.answers.text.replaceAll(times, '')).toBe('peer1 joined\npeer\\u{202e}2 is dead\n')
  })

  test('says that there are none', async () => {
    const shell = shellWith()
    await shell.type('events')
    expect(shell.answers.text).toBe('No events.\n')
    expect(await shell.json('events')).toEqual([])
  })

  test('shows the last 50, as many as requested, or all since a time', async () => {
    const shell = shellWith(...joined)
    expect(await shell.json('events')).toHaveLength(50)
    const last = (await shell.json('events', '--limit', '3')) as Event[]
    expect(last.map(({ peerId }) => peerId)).toEqual(['p697', 'p698', 'p699'])
    expect(await shell.json('events', '--since', '2h')).toHaveLength(700)
    expect(await shell.json('events', '--since', '10.5s')).toHaveLength(10)
    expect(await shell.json('events', '--since', '2020-01-01')).toHaveLength(700)
  })

  test('filters by kind and peer', async () => {
    const shell = shellWith({ peerId: 'p1' }, { peerId: 'p2' }, { kind: 'peer-left', peerId: 'p1' })
    expect(await shell.json('events', '--kind', 'peer-left', 'peer-dead')).toHaveLength(1)
    expect(await shell.json('events', '--about', 'p1')).toHaveLength(2)
  })

  test.each([
    [['--since', 'yesterday'], 'must be a number with a unit'],
    [['--kind', 'joked'], 'peer-joined'],
    [['--limit', '0'], 'whole number'],
  ])('refuses %j', async (words, reason) => {
    const shell = shellWith()
    expect(await shell.type('events', ...words)).toBe(2)
    expect(shell.remarks.text).toContain(reason)
  })

  test('follows, also after the index was away, until it is interrupted', async () => {
    const shell = shellWith({ peerId: 'peer1' })
    const ended = shell.type('events', '--follow', '--json')
    const idsAfter = async (ms: number): Promise<string[]> => {
      await shell.clock.advance(ms)
      return shell.answers.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as Event).id)
    }
    expect(await idsAfter(5_000)).toEqual(['a-1'])
    shell.peer.eventList.push(
      { id: 'a-2', timeMs: 1, kind: 'peer-left', peerId: 'peer1', count: 1 },
      { id: 'a-3', timeMs: 1, kind: 'peer-joined', peerId: 'peer1', count: 1 },
    )
    expect(await idsAfter(1_000)).toEqual(['a-1', 'a-2', 'a-3'])
    shell.peer.failure = new AppError('INDEX_UNREACHABLE', { address: 'h:1' })
    await shell.clock.advance(5_000)
    expect(shell.remarks.text.match(/Waiting for it/g)).toHaveLength(1)
    shell.peer.failure = undefined
    shell.peer.eventList.push({ id: 'a-4', timeMs: 1, kind: 'index-started', count: 1 })
    expect((await idsAfter(1_000)).at(-1)).toBe('a-4')
    shell.interrupt('SIGINT')
    expect(await ended).toBe(130)
  })
})
