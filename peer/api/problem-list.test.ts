import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { Downloads } from '../download/downloads.ts'
import type { Repairs } from '../download/repairs.ts'
import type { Finder } from '../find/finder.ts'
import type { Limiter } from '../limit/limiter.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import { LocalPeerApi } from './local-peer-api.ts'
import { problemPage } from './problem-list.ts'

test('why names the pattern because of which a file that exists is not shared', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/.tandemignore', 'build/\n')
  for (const name of ['build/a.o', 'b~', 'c']) await peer.write(`shared/${name}`, 'text')
  await peer.start()
  const finder = {
    async why(name: string) {
      throw new AppError('NAME_NOT_FOUND', { name })
    },
  }
  const api = new LocalPeerApi(
    { peerId: 'peer1' },
    {
      share: peer.share,
      finder: finder as unknown as Finder,
      downloads: {} as Downloads,
      limiter: {} as Limiter,
      announcer: { connection: undefined },
      reach: { unreachable: undefined },
      follower: { problem: undefined },
      restorer: { accept: async () => {} },
      scrubber: {} as Scrubber,
      repairs: {} as Repairs,
      clock: new FakeClock(),
    },
  )
  const ignored = { code: 'NAME_IGNORED', folder: 'shared' }
  expect((await api.why({ name: 'build/a.o' })).problems).toMatchObject([
    { ...ignored, name: 'build/a.o', reason: "the pattern 'build/' ignores it" },
  ])
  expect((await api.why({ name: './shared/b~' })).problems).toMatchObject([
    { ...ignored, name: 'b~', reason: "the pattern '*~' ignores it" },
  ])
  for (const name of ['c', 'missing~', '../b~'])
    await expect(api.why({ name }), name).rejects.toMatchObject({ code: 'NAME_NOT_FOUND' })
})

test('problems have pages, which others that come or go meanwhile do not move', () => {
  const paths = new Set(['/data/shared/b', '/data/shared/d', '/data/replicated', '/data/shared/f'])
  const source = {
    dataPath: '/data',
    problems: () =>
      [...paths].map((path) => ({ path, code: 'LINK_BROKEN' as const, reason: 'it is broken' })),
    problemCounts: () => new Map([['LINK_BROKEN' as const, paths.size]]),
  }
  const read: string[] = []
  for (let after: string | undefined; ; ) {
    const page = problemPage({ limit: 2, ...(after && { after }) }, source)
    read.push(...page.problems.map(({ path }) => path))
    if (page.next === undefined) break
    after = page.next
    paths.delete('/data/shared/b')
    paths.add('/data/shared/a').add('/data/shared/e')
  }
  expect(read).toEqual([
    '/data/replicated',
    '/data/shared/b',
    '/data/shared/d',
    '/data/shared/e',
    '/data/shared/f',
  ])
})
