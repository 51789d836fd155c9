import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { FoundContent, MessageType } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { Elsewhere } from './elsewhere.ts'
import { Finder, indexRetryMs, indexWaitMs, remotePagesPerList } from './finder.ts'

const content: FoundContent = { ...aContent(5).content, sources: [] }
const { sha256, size } = content

type Answer = (type: MessageType, body: object) => unknown

/** A finder whose index answers as the test says. */
function aFinder(
  answer: Answer,
  {
    held = [] as string[],
    awayMs = 0,
    elsewhere,
    onSilent,
  }: { held?: string[]; awayMs?: number; elsewhere?: Elsewhere; onSilent?: () => void } = {},
): { finder: Finder; clock: FakeClock; asked: [MessageType, object][] } {
  const clock = new FakeClock()
  const asked: [MessageType, object][] = []
  const request = async (type: MessageType, body: object): Promise<unknown> => {
    asked.push([type, body])
    return answer(type, body)
  }
  const connection = { request } as Pick<Connection, 'request'>
  const index = {
    address: 'index:7000',
    awayMs,
    ...(onSilent && { silence: { afterMs: 5_000, report: onSilent } }),
    connected: () => (awayMs === 0 ? Promise.resolve(connection) : new Promise<never>(() => {})),
  }
  const finder = new Finder({ index, clock, elsewhere, holds: (name) => held.includes(name) })
  return { finder, clock, asked }
}

test('a lookup takes one round trip and is timed', async () => {
  const { finder, clock, asked } = aFinder(async () => {
    await clock.advance(20)
    return { contents: [content] }
  })
  expect(await finder.lookup('./a.txt')).toEqual([content])
  expect(asked).toEqual([['lookup', { name: 'a.txt' }]])
  expect(finder.searchSeconds).toMatchObject({ count: 1, stdev: 0 })
  expect(finder.searchSeconds.mean).toBeCloseTo(0.02)
})

test('an unknown name is not found, in one round trip', async () => {
  const { finder, asked } = aFinder(() => ({ contents: [] }))
  const notFound = { code: 'NAME_NOT_FOUND', details: { name: 'a.txt' } }
  await expect(finder.lookup('a.txt')).rejects.toMatchObject(notFound)
  await expect(finder.why('a.txt')).rejects.toMatchObject(notFound)
  expect(asked.length).toBe(2)
  expect(finder.searchSeconds.count).toBe(1)
})

test('an invalid name is not sent to the index', async () => {
  const { finder, asked } = aFinder(() => ({ contents: [] }))
  await expect(finder.lookup('/etc/passwd')).rejects.toMatchObject({ code: 'NAME_INVALID' })
  await expect(finder.why('../x')).rejects.toMatchObject({ code: 'NAME_INVALID' })
  expect(asked).toEqual([])
})

test.each([
  ['went away just now is waited for', 500, indexWaitMs - 500],
  ['has been away for long is not', 60_000, indexRetryMs],
])('an index that %s', async (_, awayMs, waitMs) => {
  const { finder, clock } = aFinder(() => ({}), { awayMs })
  let answeredMs = 0
  const asking = finder.lookup('a.txt').catch((error: unknown) => {
    answeredMs = clock.elapsedMs
    return error
  })
  await clock.advance(indexWaitMs)
  expect(await asking).toMatchObject({
    code: 'INDEX_UNREACHABLE',
    details: { address: 'index:7000' },
  })
  expect(answeredMs).toBe(waitMs)
})

test('a caller can stop waiting for a connection', async () => {
  const { finder, clock } = aFinder(() => ({}), { awayMs: 1_000 })
  const stop = new AbortController()
  const asking = finder.status(stop.signal)
  stop.abort(new Error('enough'))
  await expect(asking).rejects.toThrow('enough')
  expect(clock.pending).toBe(0)
})

test('a request whose connection closes is sent once more', async () => {
  let failures = 1
  const { finder, asked } = aFinder(() => {
    if (failures-- > 0) throw new AppError('CONNECTION_CLOSED', { address: 'index:7000' })
    return { contents: [content] }
  })
  expect(await finder.lookup('a.txt')).toEqual([content])
  expect(asked.length).toBe(2)
  failures = 5
  await expect(finder.lookup('a.txt')).rejects.toMatchObject({ code: 'INDEX_UNREACHABLE' })
  expect(asked.length).toBe(4)
})

test('an index that has too much to do is asked again when it says so, a few times', async () => {
  let refusals = 2
  const { finder, clock, asked } = aFinder(() => {
    if (refusals-- > 0) throw new AppError('OVERLOADED', { retryAfterMs: 500 })
    return { contents: [content] }
  })
  const found = finder.lookup('a.txt')
  await clock.advance(499)
  expect(asked).toHaveLength(1)
  await clock.advance(1)
  expect(asked).toHaveLength(2)
  await clock.advance(1_000)
  expect(await found).toEqual([content])
  refusals = 100
  const refused = finder.lookup('a.txt')
  const failed = expect(refused).rejects.toMatchObject({ code: 'OVERLOADED' })
  await clock.advance(10_000)
  await failed
})

test('errors of the index are passed on', async () => {
  const { finder, asked } = aFinder(() => {
    throw new AppError('NOT_OWNER', { name: 'a.txt', owner: 'peer2', state: 'live' })
  })
  const file = { owner: 'peer2', name: 'a.txt' }
  await expect(finder.unshare(file)).rejects.toMatchObject({ code: 'NOT_OWNER' })
  expect(asked).toEqual([['unshare', file]])
})

/** An index with the files a, b, c, ...; its cursors are the last name of a page. */
function indexOf(names: readonly string[]): Answer {
  return (_, body) => {
    const { limit, after = '' } = body as { limit: number; after?: string }
    const rest = names.filter((name) => name > after)
    const files = rest.slice(0, limit).map((name) => ({ name, sha256, size, copies: 2 }))
    return rest.length > limit ? { files, next: files.at(-1)?.name } : { files }
  }
}

test('remote files are those that this peer does not have', async () => {
  const { finder } = aFinder(indexOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']), {
    held: ['a', 'b', 'd', 'h'],
  })
  const first = await finder.listRemote({ limit: 3 })
  expect(first.files).toEqual(
    ['c', 'e', 'f'].map((name) => ({ name, kind: 'remote', sha256, size })),
  )
  expect(first.next).toBe('f')
  const second = await finder.listRemote({ limit: 3, after: first.next })
  expect(second).toEqual({ files: [{ name: 'g', kind: 'remote', sha256, size }] })
  expect(finder.searchSeconds.count).toBeGreaterThan(0)
})

test('a page of remote files takes a bounded number of requests', async () => {
  const names = Array.from({ length: 200 }, (_, i) => String(i).padStart(3, '0'))
  const { finder, asked } = aFinder(indexOf(names), { held: names })
  const page = await finder.listRemote({ limit: 2 })
  expect(page).toEqual({ files: [], next: '039' })
  expect(asked.length).toBe(remotePagesPerList)
})

const otherContent = { ...content, sha256: 'b'.repeat(64) }
const notFound = new AppError('NAME_NOT_FOUND', { name: 'a.txt' })

test.each([
  ['a name', 'lookup', notFound, (finder: Finder) => finder.lookup('a.txt')],
  ['a version', 'lookup', [], (finder: Finder) => finder.lookup('a.txt', undefined, sha256)],
  [
    'a content',
    'find-content',
    new AppError('CONTENT_NOT_FOUND', { sha256 }),
    (finder: Finder) => finder.findContent(sha256),
  ],
] as const)(
  '%s that the index does not know is looked for elsewhere',
  async (_, type, none, ask) => {
    const found: object[] = []
    let isElsewhere = true
    const answer: Answer = () => {
      if (found.length % 2 === 1) return { contents: [content], name: 'a.txt', size }
      if (none instanceof AppError) throw none
      return { contents: [otherContent] }
    }
    const elsewhere: Elsewhere = {
      find: async (what) => {
        found.push(what)
        return { isKnown: isElsewhere, ofPrograms: [] }
      },
    }
    const { finder, asked } = aFinder(answer, { elsewhere })
    await ask(finder)
    expect(asked.map(([asking]) => asking)).toEqual([type, type])
    found.push({})
    isElsewhere = false
    const answered = await ask(finder).catch((error: unknown) => error)
    expect(answered).toEqual(none instanceof AppError ? none : [otherContent])
    expect(asked).toHaveLength(3)
  },
)

const program = { peerId: 'program', host: '10.0.0.9', port: 9_000, kind: 'program' } as const
const [ofTwoChunks, unlisted] = [2, 3].map((mebibytes) => ({
  ...content,
  size: mebibytes * 2 ** 20,
  chunkRoot: sha256,
  sources: [program],
}))

test('what only programs have is found after all that the index knows', async () => {
  const peer = { ...program, peerId: 'peer', kind: 'shared' } as const
  const known = { ...otherContent, sources: [peer] }
  const named = [{ ...known, sources: [program] }, ofTwoChunks, ofTwoChunks, unlisted]
  const ofPrograms = named.map((one) => ({ ...content, ...one, name: 'a.txt' }))
  const elsewhere: Elsewhere = { find: async () => ({ isKnown: false, ofPrograms }) }
  const { finder } = aFinder(() => ({ contents: [known] }), { elsewhere })
  expect(await finder.lookup('a.txt', undefined, sha256)).toEqual([
    { ...known, sources: [peer, program] },
    // Each program by itself.
    ofTwoChunks,
    ofTwoChunks,
    unlisted,
  ])
  const absent = aFinder(
    () => {
      throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    },
    { elsewhere },
  )
  expect(await absent.finder.findContent(sha256)).toEqual({ name: 'a.txt', size })
})

test('members are asked before the first page of a search, and for an unknown name before `why`', async () => {
  const found: object[] = []
  const elsewhere: Elsewhere = {
    find: async (what) => {
      found.push(what)
      return { isKnown: true, ofPrograms: [] }
    },
  }
  const { finder, asked } = aFinder(
    (type) => (type === 'search' ? { files: [] } : { contents: found.length > 2 ? [{}] : [] }),
    { elsewhere },
  )
  await finder.search({ query: '', limit: 5 })
  await finder.search({ query: 'a', limit: 5 })
  await finder.search({ query: 'a', limit: 5, after: 'cursor' })
  await finder.searchKnown({ query: 'b', limit: 5 })
  expect(found).toEqual([{ search: 'a' }])
  found.push({})
  expect(await finder.why('a.txt')).toMatchObject({ name: 'a.txt', contents: [{}] })
  expect(found.at(-1)).toEqual({ name: 'a.txt' })
  expect(asked.map(([type]) => type)).toEqual([
    'search',
    'search',
    'search',
    'search',
    'why',
    'why',
  ])
})

test('what the index knows is not looked for elsewhere', async () => {
  const elsewhere: Elsewhere = { find: async () => expect.fail('nothing is missing') }
  const { finder } = aFinder(() => ({ contents: [content] }), { elsewhere })
  expect(await finder.lookup('a.txt')).toEqual([content])
})

test('reads that an index does not answer are sent to the one that replaces it', async () => {
  let isSilent = true
  const silent = new AppError('DEADLINE_EXCEEDED', { what: 'lookup', deadlineMs: 5_000 })
  const answer = (): unknown => {
    if (isSilent) throw silent
    return { contents: [content] }
  }
  const replaced = aFinder(answer, { onSilent: () => (isSilent = false) })
  expect(await replaced.finder.lookup('a.txt')).toEqual([content])
  expect(replaced.asked.length).toBe(2)
  isSilent = true
  // A change might be made twice.
  await expect(replaced.finder.share('a.txt')).rejects.toBe(silent)
  await expect(aFinder(answer).finder.lookup('a.txt')).rejects.toBe(silent)
})
