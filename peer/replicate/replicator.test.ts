import { expect, onTestFinished, test } from 'vitest'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Task, TaskOutcome, TaskProgress } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { Capacity } from './capacity.ts'
import type { DropLink } from './drop-confirmer.ts'
import { smallTasksPerGroup } from './next-task.ts'
import {
  type FetchedReplica,
  type ReplicaFetch,
  type ReplicaFetcher,
  type ReplicaShelf,
  Replicator,
} from './replicator.ts'
import type { TaskLink } from './reporter.ts'

const { content } = aContent(5)
const source = { peerId: 'p1', host: 'h1', port: 1, kind: 'shared' } as const

function replicate(name: string, taskId = name): Task {
  return { kind: 'replicate', taskId, name, owner: 'p1', content, sources: [source] }
}

/** A copy of a content that is fetched by itself. */
function large(name: string): Task {
  const size = 2 * limits.chunkBytesMin
  return { ...replicate(name), content: { ...content, size } } as Task
}

function drop(name: string): Task {
  return { kind: 'drop', taskId: name, name, owner: 'p1', sha256: content.sha256 }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')))
  })
}

function aFetch(fetched: Promise<FetchedReplica>): ReplicaFetch {
  return { receivedBytes: 0, reusedBytes: 0, verifiedBytes: 0, fetched }
}

/** A replicator whose surroundings write down what happens, in order. */
class World {
  readonly clock = new FakeClock()
  readonly events: string[] = []
  readonly reports: TaskOutcome[][] = []
  readonly told: TaskProgress[][] = []
  readonly replicator: Replicator

  constructor({
    fetcher = {},
    shelf = {},
    link = {},
    capacity = new Capacity({ capacityBytes: () => Infinity, replicaBytes: () => 0 }),
  }: {
    fetcher?: Partial<ReplicaFetcher>
    shelf?: Partial<ReplicaShelf>
    link?: Partial<TaskLink & DropLink>
    capacity?: Pick<Capacity, 'reserve'>
  } = {}) {
    const { events } = this
    this.replicator = new Replicator({
      clock: this.clock,
      log: silentLog,
      capacity,
      fetcher: {
        keepSmall: async (copies) =>
          copies.map(({ key }) => {
            events.push(`keep ${key.owner}/${key.name}`)
            return undefined
          }),
        fetch: ({ name }) => {
          events.push(`fetch ${name}`)
          return aFetch(Promise.resolve(this.#fetched(name)))
        },
        ...fetcher,
      },
      shelf: {
        copyLocal: async () => undefined,
        adopt: async ({ key: { owner, name }, content, partialPath }) => {
          events.push(`adopt ${partialPath} as ${owner}/${name}`)
          return { at: { path: name }, content }
        },
        removeReplica: async ({ owner, name }) => void events.push(`drop ${owner}/${name}`),
        hasCopy: async () => true,
        ...shelf,
      },
      link: {
        confirmDrops: async (copies) => {
          events.push(`confirm ${copies.map(({ name }) => name).join(' ')}`)
          return copies.map(() => true)
        },
        announced: async () => void events.push('announced'),
        report: async (outcomes) => {
          events.push('report')
          this.reports.push(outcomes)
        },
        progress: async (tasks) => this.told.push(tasks),
        ...link,
      },
    })
    onTestFinished(async () => await this.replicator[Symbol.asyncDispose]())
  }

  async settle(): Promise<void> {
    await this.clock.advance(0)
  }

  #fetched(name: string): FetchedReplica {
    return {
      partialPath: `/partial/${name}`,
      chunkList: Buffer.alloc(32),
      [Symbol.asyncDispose]: async () => void this.events.push(`discard ${name}`),
    }
  }
}

test('a copy is fetched, stored and announced before it is reported', async () => {
  const world = new World()
  world.replicator.accept([large('a.txt')])
  await world.settle()
  expect(world.events).toEqual([
    'fetch a.txt',
    'adopt /partial/a.txt as p1/a.txt',
    'discard a.txt',
    'announced',
    'report',
  ])
  expect(world.reports).toEqual([[{ taskId: 'a.txt' }]])
})

test('a content that this peer has is copied', async () => {
  const world = new World({ shelf: { copyLocal: async () => ({ at: { path: 'a' }, content }) } })
  world.replicator.accept([large('a.txt')])
  await world.settle()
  expect(world.events).toEqual(['announced', 'report'])
})

test('small copies are stored together, announced once and reported together', async () => {
  const world = new World()
  world.replicator.accept([replicate('a'), replicate('b'), replicate('c')])
  await world.settle()
  expect(world.events).toEqual(['keep p1/a', 'keep p1/b', 'keep p1/c', 'announced', 'report'])
  expect(world.reports).toEqual([['a', 'b', 'c'].map((taskId) => ({ taskId }))])
})

test('a small copy that a source lied about is fetched alone; if all fail, each is reported', async () => {
  const error = new AppError('NO_SOURCE', { name: 'b', tried: 'all' })
  const some = new World({ fetcher: { keepSmall: async () => ['alone', error, undefined] } })
  some.replicator.accept([replicate('a'), replicate('b'), replicate('c')])
  await some.settle()
  expect(some.events).toContain('fetch a')
  expect(some.reports.flat()).toEqual([
    { taskId: 'b', error: 'NO_SOURCE', reason: "No peer could send 'b' now. Tried: all" },
    { taskId: 'c' },
    { taskId: 'a' },
  ])
  const full = new AppError('DISK_FULL', { path: '/', neededBytes: 5 })
  const none = new World({ fetcher: { keepSmall: () => Promise.reject(full) } })
  none.replicator.accept([replicate('a'), replicate('b')])
  await none.settle()
  expect(none.reports.flat().map(({ error: code }) => code)).toEqual(['DISK_FULL', 'DISK_FULL'])
})

test('an error of the operating system is reported in one short line, with code and path', async () => {
  const system = Object.assign(new Error("EROFS: read-only file system, open '/mnt/a\nb'"), {
    code: 'EROFS',
  })
  const failed = diskError({ action: 'write', path: '/mnt/a\nb', neededBytes: 5 }, system)
  const world = new World({ shelf: { copyLocal: () => Promise.reject(failed) } })
  world.replicator.accept([large('a.txt')])
  await world.settle()
  const reason = "Cannot write '/mnt/a b': EROFS: read-only file system, open '/mnt/a b'"
  expect(world.reports).toEqual([[{ taskId: 'a.txt', error: 'DISK_FAILED', reason }]])
})

test('many reasons are sent in reports of bounded size', async () => {
  const path = `/${'\u4e00'.repeat(2_000)}`
  const failed = new AppError('DISK_FULL', { path, neededBytes: 5 })
  const world = new World({ fetcher: { keepSmall: () => Promise.reject(failed) } })
  const names = Array.from({ length: 200 }, (_, index) => `${index}`)
  world.replicator.accept(names.map((name) => replicate(name)))
  await world.settle()
  expect(world.reports.flat().map(({ taskId }) => taskId)).toEqual(names)
  for (const report of world.reports) {
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(limits.requestBytesMax)
    for (const { reason = '' } of report)
      expect(reason.length).toBeLessThanOrEqual(limits.taskReasonCharactersMax)
  }
  expect(world.reports.length).toBeGreaterThan(1)
})

test('a replicated copy is dropped', async () => {
  const world = new World()
  world.replicator.accept([drop('a.txt')])
  await world.settle()
  expect(world.events).toEqual(['confirm a.txt', 'drop p1/a.txt', 'announced', 'report'])
})

test.each<[string, DropLink['confirmDrops'], string]>([
  ['refuses', async () => [false], 'STILL_NEEDED'],
  ['says nothing about', async () => [], 'STILL_NEEDED'],
  ['does not answer for', () => new Promise<never>(() => {}), 'DEADLINE_EXCEEDED'],
])('a copy that the index %s stays', async (_, confirmDrops, error) => {
  const world = new World({ link: { confirmDrops } })
  world.replicator.accept([drop('a.txt')])
  await world.clock.advance(deadlines.requestMs)
  expect(world.events).toEqual(['announced', 'report'])
  expect(world.reports).toMatchObject([[{ taskId: 'a.txt', error }]])
})

test('drops that are added during a request are confirmed by the next one', async () => {
  const world = new World()
  world.replicator.accept([drop('a'), drop('b'), drop('c')])
  await world.settle()
  const asked = world.events.filter((event) => event.startsWith('confirm'))
  expect(asked.flatMap((event) => event.split(' ').slice(1))).toEqual(['a', 'b', 'c'])
  expect(asked.length).toBeLessThan(3)
})

test('a failed task is reported with its code and does not block the others', async () => {
  const world = new World({
    fetcher: {
      keepSmall: async (copies) =>
        copies.map(({ key }) =>
          key.name === 'bad' ? new AppError('DISK_FULL', { path: '/', neededBytes: 5 }) : undefined,
        ),
    },
  })
  const foreign = { ...replicate('of nobody'), owner: '..' }
  world.replicator.accept([replicate('bad'), replicate('../worse'), foreign, replicate('good')])
  await world.settle()
  const outcomes = world.reports.flat().toSorted((a, b) => a.taskId.localeCompare(b.taskId))
  expect(outcomes).toMatchObject([
    { taskId: '../worse', error: 'NAME_INVALID' },
    { taskId: 'bad', error: 'DISK_FULL' },
    { taskId: 'good' },
    { taskId: 'of nobody', error: 'PEER_ID_INVALID' },
  ])
})

test('replicas beyond what the peer gives are refused when they are to be made, without a fetch', async () => {
  const held = { bytes: 4 }
  const capacity = new Capacity({ capacityBytes: () => 9, replicaBytes: () => held.bytes })
  const world = new World({ capacity })
  world.replicator.accept([replicate('fits'), replicate('not'), large('large')])
  await world.settle()
  await world.settle()
  expect(world.events).toContain('keep p1/fits')
  expect(world.events).not.toContain('keep p1/not')
  expect(world.events).not.toContain('fetch large')
  const codes = world.reports.flat().map(({ taskId, error }) => [taskId, error])
  expect(Object.fromEntries(codes)).toEqual({
    fits: undefined,
    not: 'CAPACITY_FULL',
    large: 'CAPACITY_FULL',
  })
  world.replicator.accept([replicate('again')])
  await world.settle()
  expect(world.events).toContain('keep p1/again')
})

test('outcomes that are added during a report are sent in the next one', async () => {
  const sent = Promise.withResolvers<void>()
  const world = new World({ link: { announced: async () => await sent.promise } })
  const names = Array.from({ length: 292 }, (_, i) => `${i}`)
  world.replicator.accept([drop('first')])
  await world.settle()
  world.replicator.accept(names.map((name) => replicate(name)))
  await world.settle()
  sent.resolve()
  await world.settle()
  expect(world.reports.map(({ length }) => length)).toEqual([1, limits.tasksPerRequestMax, 36])
  expect(new Set(world.reports.flat().map(({ taskId }) => taskId)).size).toBe(293)
})

test('a report that cannot be sent is dropped, and the next one is sent', async () => {
  let isAnnouncing = false
  const link = {
    announced: async () => (isAnnouncing ? undefined : await new Promise<void>(() => {})),
  }
  const world = new World({ link })
  world.replicator.accept([replicate('a')])
  await world.settle()
  isAnnouncing = true
  await world.clock.advance(deadlines.requestMs)
  world.replicator.accept([replicate('b')])
  await world.settle()
  expect(world.reports).toEqual([[{ taskId: 'b' }]])
})

test('tasks beyond the queue are all refused', async () => {
  const world = new World({ fetcher: { keepSmall: (_, { signal }) => untilAborted(signal) } })
  const tasks = (count: number, prefix: string): Task[] =>
    Array.from({ length: count }, (_, i) => replicate(`${prefix}${i}`))
  world.replicator.accept(tasks(smallTasksPerGroup, 'running'))
  world.replicator.accept(tasks(limits.tasksWaitingMax - 1, 'waiting'))
  expect(() => world.replicator.accept(tasks(2, 'more'))).toThrow('does not accept the task')
  world.replicator.accept(tasks(1, 'last'))
})

test('a queued or running task is not accepted twice', async () => {
  const world = new World()
  world.replicator.accept([replicate('a')])
  world.replicator.accept([replicate('a'), replicate('b')])
  await world.settle()
  expect(world.events.filter((event) => event.startsWith('keep'))).toEqual([
    'keep p1/a',
    'keep p1/b',
  ])
})

test('stopping ends running tasks and refuses new ones', async () => {
  const fetching = Promise.withResolvers<AbortSignal>()
  const world = new World({
    fetcher: {
      keepSmall: (_, { signal }) => {
        fetching.resolve(signal)
        return untilAborted(signal)
      },
    },
  })
  world.replicator.accept([replicate('a')])
  const signal = await fetching.promise
  await world.replicator[Symbol.asyncDispose]()
  expect(signal.aborted).toBe(true)
  expect(world.reports).toEqual([])
  expect(() => world.replicator.accept([replicate('b')])).toThrow('it is stopping')
})

test('the progress of copies is reported every few seconds until they end', async () => {
  const end = Promise.withResolvers<void>()
  const world = new World({
    fetcher: {
      keepSmall: async (copies, { onBytes }) => {
        onBytes(3)
        onBytes(4)
        await end.promise
        return copies.map(() => undefined)
      },
      fetch: () => {
        const failed = end.promise.then(() => {
          throw new AppError('NO_SOURCE', { name: 'big', tried: 'all' })
        })
        return { ...aFetch(failed), receivedBytes: 70 }
      },
    },
  })
  world.replicator.accept([large('big'), replicate('a'), replicate('b')])
  await world.clock.advance(deadlines.taskLookMs)
  expect(world.told).toEqual([
    expect.arrayContaining([
      { taskId: 'a', bytes: 7 },
      { taskId: 'big', bytes: 70, isStoring: false },
    ]),
  ])
  end.resolve()
  await world.clock.advance(5 * deadlines.taskLookMs)
  expect(world.told).toHaveLength(1)
})

test('cancelled tasks end, report nothing, and make room for others', async () => {
  const world = new World({
    fetcher: {
      keepSmall: (_, { signal }) => untilAborted(signal),
      fetch: ({ name, signal }) => {
        world.events.push(`fetch ${name}`)
        return aFetch(untilAborted(signal))
      },
    },
  })
  world.replicator.accept([large('1'), large('2'), large('3'), replicate('a'), replicate('b')])
  await world.settle()
  world.replicator.cancel(['1', '2', 'a'])
  await world.settle()
  expect(world.events).toEqual(['fetch 1', 'fetch 3'])
  world.replicator.cancel(['b', 'unknown'])
  await world.settle()
  world.replicator.accept([drop('a'), drop('b')])
  await world.settle()
  const dropped = world.events.filter((event) => event.startsWith('drop'))
  expect(dropped).toEqual(['drop p1/a', 'drop p1/b'])
  expect(world.reports.flat().map(({ taskId }) => taskId)).toEqual(['a', 'b'])
})

test('a replica that may be removed at any moment is not confirmed, other copies are', async () => {
  const answer = Promise.withResolvers<boolean[]>()
  const world = new World({
    link: { confirmDrops: () => answer.promise },
    shelf: { hasCopy: async (sha256, { mayBeReplica }) => mayBeReplica && sha256 !== 'gone' },
  })
  const { sha256 } = content
  const confirm = async (): Promise<boolean[]> =>
    await world.replicator.confirmCopies([sha256, 'other', 'gone'])
  expect(await confirm()).toEqual([true, true, false])
  world.replicator.accept([drop('a.txt')])
  expect(await confirm()).toEqual([false, true, false])
  answer.resolve([false])
  await world.settle()
  expect(await confirm()).toEqual([true, true, false])
})
