import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { Downloads } from '../download/downloads.ts'
import type { Repairs } from '../download/repairs.ts'
import type { Finder } from '../find/finder.ts'
import type { Limiter } from '../limit/limiter.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import type { Share } from '../share/share.ts'
import { pushPollMs } from './all-copies.ts'
import type { Pushed, Why } from './file-shapes.ts'
import { LocalPeerApi } from './local-peer-api.ts'

const { content } = aContent(5)
const connected = { connection: {} as Connection }

/** A peer that stores a push immediately, and an index that answers `why` as the test says. */
function aPeer(why: () => Why): { push: () => Promise<Pushed>; clock: FakeClock } {
  const clock = new FakeClock()
  const share = { isUnshared: () => false, receive: async () => ({ content }) }
  const finder = { why: async () => why(), share: async () => {} }
  const api = new LocalPeerApi(
    { peerId: 'peer1' },
    {
      share: share as unknown as Share,
      finder: finder as unknown as Finder,
      downloads: {} as Downloads,
      limiter: {} as Limiter,
      announcer: connected,
      reach: { unreachable: undefined },
      follower: { problem: undefined },
      restorer: { accept: async () => {} },
      scrubber: {} as Scrubber,
      repairs: {} as Repairs,
      clock,
    },
  )
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hello')
  }
  const request = { name: 'a.txt', bytes: bytes(), replace: false, wait: true }
  return { push: async () => await api.push(request), clock }
}

/** What the index says about a.txt if these peers have it. */
function whyOf(...peers: [peerId: string, state: 'live' | 'suspect' | 'dead'][]): Why {
  const { sha256, size } = content
  const copies = peers.map(
    ([peerId, state]) => ({ peerId, state, kind: 'replicated', name: 'a.txt' }) as const,
  )
  return {
    name: 'a.txt',
    contents: [{ sha256, size, factor: 2, wanted: true, copies, missing: [] }],
  }
}

test('a push that waits is done when the index knows the name with all its copies', async () => {
  let isKnown = false
  let known = whyOf(['peer1', 'live'], ['peer3', 'dead'])
  const { push, clock } = aPeer(() => {
    if (!isKnown) throw new AppError('NAME_NOT_FOUND', { name: 'a.txt' })
    return known
  })
  let pushed: Pushed | undefined
  const pushing = push().then((done) => {
    pushed = done
  })
  await clock.advance(1_000)
  isKnown = true
  await clock.advance(1_000)
  expect(pushed).toBeUndefined()
  known = whyOf(['peer1', 'live'], ['peer1', 'live'], ['peer2', 'suspect'])
  await clock.advance(pushPollMs)
  await pushing
  expect(pushed).toMatchObject({ name: 'a.txt', sha256: content.sha256, copies: 2 })
})

test('a push does not wait for its copies for ever', async () => {
  const { push, clock } = aPeer(() => whyOf(['peer1', 'live']))
  const failed = expect(push()).rejects.toMatchObject({
    code: 'COPIES_PENDING',
    details: { name: 'a.txt', copies: 1, factor: 2 },
  })
  await clock.advance(deadlines.pushCopiesMs + pushPollMs)
  await failed
})

test('a lookup names those who have a content, not those who are still downloading it', async () => {
  const at = { host: 'h', port: 7100 }
  const whole = { peerId: 'p1', kind: 'shared', ...at } as const
  const partial = { peerId: 'p2', kind: 'partial', ...at } as const
  const finder = { lookup: async () => [{ ...content, sources: [whole, partial] }] }
  const api = new LocalPeerApi(
    { peerId: 'peer1' },
    {
      share: {} as Share,
      finder: finder as unknown as Finder,
      downloads: {} as Downloads,
      limiter: {} as Limiter,
      announcer: connected,
      reach: { unreachable: undefined },
      follower: { problem: undefined },
      restorer: { accept: async () => {} },
      scrubber: {} as Scrubber,
      repairs: {} as Repairs,
      clock: new FakeClock(),
    },
  )
  expect((await api.lookup({ name: 'a.txt' })).files).toEqual([{ ...content, sources: [whole] }])
})

test.each([
  ['is connected', true, async () => {}, ['a.txt']],
  ['is away', false, async () => {}, []],
  [
    'goes away meanwhile',
    true,
    () => Promise.reject(new AppError('INDEX_UNREACHABLE', { address: 'index:1' })),
    ['a.txt'],
  ],
])(
  'a push takes back what another peer unshared by force, if the index %s',
  async (_, isConnected, share, asked) => {
    const names: string[] = []
    const api = new LocalPeerApi(
      { peerId: 'peer1' },
      {
        share: { isUnshared: () => false, receive: async () => ({ content }) } as unknown as Share,
        finder: {
          share: async (name: string) => {
            names.push(name)
            await share()
          },
        } as unknown as Finder,
        downloads: {} as Downloads,
        limiter: {} as Limiter,
        announcer: isConnected ? connected : { connection: undefined },
        reach: { unreachable: undefined },
        follower: { problem: undefined },
        restorer: { accept: async () => {} },
        scrubber: {} as Scrubber,
        repairs: {} as Repairs,
        clock: new FakeClock(),
      },
    )
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('hello')
    }
    const pushed = await api.push({ name: 'a.txt', bytes: bytes(), replace: false, wait: false })
    expect(pushed).toMatchObject({ name: 'a.txt', sha256: content.sha256 })
    expect(names).toEqual(asked)
  },
)
