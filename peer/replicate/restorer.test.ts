import { expect, test } from 'vitest'
import { AppError, hasCode } from '../../common/errors.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { FinishedFile } from '../shelf.ts'
import type { ReplicaFetcher } from './replicator.ts'
import { Restorer } from './restorer.ts'

const sha256 = 'a'.repeat(64)
const source = { peerId: 'k', host: 'h', port: 1, kind: 'replicated' } as const
const content = { sha256, size: 3, chunkRoot: sha256, sources: [source] }

interface Refusals {
  readonly isLocal?: boolean
  /** When the file is stored, and before it is fetched. */
  readonly refusal?: AppError
  readonly earlyRefusal?: AppError
}

function aWorld({ isLocal = false, refusal, earlyRefusal }: Refusals = {}) {
  const adopted: FinishedFile[] = []
  const fetches: string[] = []
  const fetched = Promise.withResolvers<void>()
  const fetcher: Pick<ReplicaFetcher, 'fetch'> = {
    fetch: ({ name }) => {
      fetches.push(name)
      return {
        receivedBytes: 0,
        verifiedBytes: 0,
        reusedBytes: 0,
        fetched: fetched.promise.then(() => ({
          partialPath: '/partial',
          chunkList: Buffer.from(sha256, 'hex'),
          [Symbol.asyncDispose]: async () => {},
        })),
      }
    },
  }
  const shelf = {
    checkRoomFor: async () => {
      if (earlyRefusal !== undefined) throw earlyRefusal
    },
    copyLocal: async () => (isLocal ? ({} as never) : undefined),
    adopt: async (file: FinishedFile) => {
      if (refusal !== undefined) throw refusal
      adopted.push(file)
      return {} as never
    },
  }
  const clock = new FakeClock()
  const reports: object[] = []
  const report = async (failure: object): Promise<void> => void reports.push(failure)
  const restorer = new Restorer({ fetcher, shelf, report, clock, log: silentLog })
  return { restorer, adopted, fetches, fetched, reports, clock }
}

test('a deleted file is fetched once and shared under its name', async () => {
  const { restorer, adopted, fetches, fetched } = aWorld()
  await using _ = restorer
  const both = [
    restorer.restore({ name: 'a/b', content }),
    restorer.restore({ name: 'a/b', content }),
  ]
  fetched.resolve()
  await Promise.all(both)
  expect(fetches).toEqual(['a/b'])
  expect(adopted).toMatchObject([
    { key: { kind: 'shared', name: 'a/b' }, content: { sha256 }, partialPath: '/partial' },
  ])
})

test('a content that this peer has is copied', async () => {
  const { restorer, fetches } = aWorld({ isLocal: true })
  await using _ = restorer
  await restorer.restore({ name: 'a', content: { ...content, sources: [] } })
  expect(fetches).toEqual([])
})

test.each([
  ['NAME_BLOCKED', 'a', content, new AppError('NAME_EXISTS', { name: 'a' })],
  ['NO_SOURCE', 'a', { ...content, sources: [] }, undefined],
  ['NAME_INVALID', '../a', content, undefined],
] as const)('%s refuses it', async (code, name, file, refusal) => {
  const { restorer, adopted, fetched } = aWorld(refusal === undefined ? {} : { refusal })
  await using _ = restorer
  fetched.resolve()
  const restored = restorer.restore({ name, content: { ...file, sources: [...file.sources] } })
  await expect(restored).rejects.toSatisfy((error) => hasCode(error, code))
  expect(adopted).toEqual([])
})

test('another peer is told of a refusal, before the bytes are fetched', async () => {
  const earlyRefusal = new AppError('NAME_EXISTS', { name: 'a' })
  const { restorer, fetches, clock } = aWorld({ earlyRefusal })
  await using _ = restorer
  const refused = restorer.accept({ name: 'a', content })
  await expect(refused).rejects.toThrow(/other content.*Rename or move one of the two/)
  expect([fetches, clock.pending]).toEqual([[], 0])
})

test('another peer is answered when the file is back, or before that if it takes long', async () => {
  const { restorer, fetched, adopted, clock } = aWorld()
  await using _ = restorer
  const late = restorer.accept({ name: 'a', content })
  await clock.advance(3_000)
  await late
  expect(adopted).toEqual([])
  fetched.resolve()
  await restorer.accept({ name: 'a', content })
  expect(adopted).toHaveLength(1)
  expect(clock.pending).toBe(0)
})

test('a failure is reported only when the caller no longer waits for it', async () => {
  const { restorer, fetched, reports, clock } = aWorld({ refusal: new AppError('DISK_FULL') })
  await using _ = restorer
  const waiting = restorer.accept({ name: 'a', content }, 60_000)
  const outcome = expect(waiting).rejects.toSatisfy((error) => hasCode(error, 'DISK_FULL'))
  const late = restorer.accept({ name: 'a', content })
  await clock.advance(3_000)
  await late
  expect(reports).toEqual([])
  fetched.resolve()
  await outcome
  const reason = expect.stringContaining('disk') as unknown
  await expect.poll(() => reports).toEqual([{ name: 'a', sha256, reason }])
})

test('a restoration that runs when the peer stops ends', async () => {
  const { restorer, fetched } = aWorld()
  const restored = restorer.restore({ name: 'a', content })
  const outcome = expect(restored).rejects.toSatisfy((error) => hasCode(error, 'STOPPING'))
  const disposed = restorer[Symbol.asyncDispose]()
  fetched.promise.catch(() => {})
  fetched.reject(new AppError('STOPPING'))
  await Promise.all([outcome, disposed])
})
