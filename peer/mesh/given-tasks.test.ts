import { expect, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import type { Task } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { givenTaskHandlers } from './given-tasks.ts'
import { type IndexLink, TaskOrigins } from './task-origins.ts'

const sha256 = 'a'.repeat(64)
const content = { sha256, size: 1, chunkRoot: sha256, sources: [] }
const { signal } = new AbortController()
const member = { id: 'mallory', host: '192.0.2.1' }

const drop = (taskId: string): Task => ({ kind: 'drop', taskId, owner: 'o', name: 'n', sha256 })

class World {
  readonly asked: string[] = []
  doMembersAct = false
  readonly #link: IndexLink = {
    announced: async () => {},
    report: async () => {},
    progress: async () => {},
    confirmDrops: async (copies) => copies.map(() => true),
  }
  readonly #origins = new TaskOrigins(
    {
      own: this.#link,
      index: this.#link,
      members: { lastSeq: () => 0, ask: async () => Promise.reject(new Error('not asked')) },
    },
    {
      background: new BackgroundWork({ log: silentLog }),
      clock: new FakeClock(),
      random: seededRandom('given'),
      log: silentLog,
    },
  )
  readonly handlers = givenTaskHandlers({
    doMembersAct: () => this.doMembersAct,
    origins: () => this.#origins,
    learn: async () => {},
    requests: {
      tasks: async ({ tasks }) => this.#ask('tasks', ...tasks.map(({ taskId }) => taskId)),
      'cancel-tasks': async ({ taskIds }) => this.#ask('cancel', ...taskIds),
      'restore-file': async ({ name }) => this.#ask('restore', name),
    },
  })

  #ask(...words: string[]): Record<string, never> {
    this.asked.push(words.join(' '))
    return {}
  }

  give(...taskIds: string[]): Promise<unknown> {
    return Promise.resolve(this.handlers.tasks({ tasks: taskIds.map(drop) }, member, signal))
  }

  cancel(taskIds: string[], by = member): Promise<unknown> {
    return Promise.resolve(this.handlers['cancel-tasks']({ taskIds }, by, signal))
  }

  restore(name: string): Promise<unknown> {
    return Promise.resolve(this.handlers['restore-file']({ name, content }, member, signal))
  }
}

test('no member has anything dropped or restored while the cluster has its index', async () => {
  const world = new World()
  await expect(world.give('1')).rejects.toMatchObject({ code: 'INDEX_ACTS' })
  await expect(world.restore('n')).rejects.toMatchObject({ code: 'INDEX_ACTS' })
  expect(world.asked).toEqual([])
  world.doMembersAct = true
  await world.give('1')
  await world.restore('n')
  expect(world.asked).toEqual(['tasks 1', 'restore n'])
})

test('a member cancels the tasks that it gave, also when the index is back, and no others', async () => {
  const world = new World()
  world.doMembersAct = true
  await world.give('1', '2')
  world.doMembersAct = false
  await world.cancel(['1', 'of the index'])
  await world.cancel(['2'], { ...member, id: 'other' })
  expect(world.asked).toEqual(['tasks 1 2', 'cancel 1', 'cancel'])
})
