import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import type { CallRequest, PeerApi } from './calls.ts'
import { allPeers, allProblems } from './pages.ts'

type Peers = Pick<PeerApi, 'peers'>
type Page = Awaited<ReturnType<PeerApi['peers']>>

function peersOf(answer: (after: string | undefined) => { ids: string[]; next?: string }): {
  api: Peers
  asked: CallRequest<'peers'>[]
} {
  const asked: CallRequest<'peers'>[] = []
  const peers = async (request: CallRequest<'peers'>): Promise<Page> => {
    asked.push(request)
    const { ids, ...more } = answer(request.after)
    return { peers: ids.map((peerId) => ({ peerId })) as Page['peers'], ...more }
  }
  return { api: { peers }, asked }
}

test('the registry is read page by page', async () => {
  const { api, asked } = peersOf((after) =>
    after === undefined ? { ids: ['p1'], next: 'p1' } : { ids: ['p2'] },
  )
  expect((await allPeers(api)).map(({ peerId }) => peerId)).toEqual(['p1', 'p2'])
  const limit = limits.pageRowsMax
  expect(asked).toEqual([{ limit }, { limit, after: 'p1' }])
})

test.each([
  ['empty pages', 0],
  ['full pages', limits.pageRowsMax],
])('an endless registry of %s is read a bounded number of times', async (_, length) => {
  const ids = Array.from({ length }, () => 'p1')
  const { api, asked } = peersOf(() => ({ ids, next: 'p1' }))
  await allPeers(api)
  expect(asked.length).toBeLessThanOrEqual(limits.peersMax / limits.pageRowsMax)
})

test('problems that are not listed count, too', async () => {
  const problems: PeerApi['problems'] = async ({ after }) =>
    after === undefined ? { total: 9, problems: [], next: 'x' } : { total: 9, problems: [] }
  expect(await allProblems({ problems })).toEqual({ total: 9, problems: [] })
})
