import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Task, TaskOutcome } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { Capacity } from './capacity.ts'
import { type ReplicaFetcher, Replicator } from './replicator.ts'

const { content } = aContent(5)

function replicate(name: string): Task {
  return { kind: 'replicate', taskId: name, name, owner: 'p1', content, sources: [] }
}

/** A replicator that only makes small copies, and what it reports. */
function replicatorWith(keepSmall: ReplicaFetcher['keepSmall']): {
  replicator: Replicator
  clock: FakeClock
  reported: TaskOutcome[]
} {
  const clock = new FakeClock()
  const reported: TaskOutcome[] = []
  const unused = async (): Promise<never> => await Promise.reject(new Error('not expected'))
  const replicator = new Replicator({
    clock,
    log: silentLog,
    capacity: new Capacity({ capacityBytes: () => Infinity, replicaBytes: () => 0 }),
    fetcher: {
      keepSmall,
      fetch: () => {
        throw new Error('not expected')
      },
    },
    shelf: { copyLocal: unused, adopt: unused, removeReplica: unused, hasCopy: unused },
    link: {
      confirmDrops: unused,
      announced: async () => {},
      report: async (outcomes) => reported.push(...outcomes),
      progress: async () => {},
    },
  })
  onTestFinished(async () => await replicator[Symbol.asyncDispose]())
  return { replicator, clock, reported }
}

test('small copies are received while others are stored, but not beside others', async () => {
  const stored = Promise.withResolvers<undefined>()
  const begun: string[] = []
  let onBytes: ((count: number) => void) | undefined
  const { replicator, clock, reported } = replicatorWith(async (copies, options) => {
    begun.push(copies.map(({ key }) => key.name).join(' '))
    ;({ onBytes } = options)
    await stored.promise
    return copies.map(() => undefined)
  })
  replicator.accept([replicate('a'), replicate('b')])
  replicator.accept([replicate('c')])
  onBytes?.(content.size)
  expect(begun).toEqual(['a b'])
  onBytes?.(content.size)
  expect(begun).toEqual(['a b', 'c'])
  replicator.accept([replicate('d')])
  expect(begun).toEqual(['a b', 'c'])
  stored.resolve(undefined)
  await clock.advance(0)
  expect(begun).toEqual(['a b', 'c', 'd'])
  expect(reported.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c', 'd'])
})

test('small copies that cannot be received let the next ones begin', async () => {
  const { replicator, clock, reported } = replicatorWith(
    async () => await Promise.reject(new AppError('STOPPING')),
  )
  replicator.accept([replicate('a')])
  replicator.accept([replicate('b')])
  await clock.advance(0)
  expect(reported.map(({ taskId, error }) => [taskId, error])).toEqual([
    ['a', 'STOPPING'],
    ['b', 'STOPPING'],
  ])
})
