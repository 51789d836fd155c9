import { expect, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import type { RequestOf, Task } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { type IndexLink, type MemberLink, ownIndex, TaskOrigins } from './task-origins.ts'

const sha256 = 'a'.repeat(64)
const { signal } = new AbortController()

function drop(taskId: string, name: string): Task {
  return { kind: 'drop', taskId, name, owner: 'o', sha256 }
}

const copy = (name: string) => ({ owner: 'o', name, sha256 })
const done = (taskId: string) => ({ taskId, ok: true })

/** Tasks of the own index and of others; `unreached` do not answer. */
class World {
  readonly clock = new FakeClock()
  readonly sent: unknown[] = []
  readonly unreached = new Set<string>()
  readonly origins: TaskOrigins

  constructor({ hasCluster = false } = {}) {
    const index = hasCluster ? { index: this.#linkTo('cluster') } : {}
    const { clock } = this
    const background = new BackgroundWork({ log: silentLog })
    this.origins = new TaskOrigins(
      { own: this.#linkTo('own'), members: this.#members, ...index },
      { background, clock, random: seededRandom('origins'), log: silentLog },
    )
  }

  #linkTo(name: string): IndexLink {
    return {
      announced: async () => {
        if (name === 'cluster') await this.#send(name, 'announced')
      },
      report: async (outcomes) => await this.#send(name, outcomes),
      progress: async (tasks) => await this.#send(name, tasks),
      confirmDrops: async (copies) => {
        await this.#send(name, copies)
        return copies.map(() => true)
      },
    }
  }

  get #members(): MemberLink {
    return {
      lastSeq: () => 7,
      ask: async (peerId, type, body) => {
        await this.#send(peerId, body)
        const { copies = [] } = body as Partial<RequestOf<'confirm-drops'>>
        return (type === 'confirm-drops' ? { confirmed: copies.map(() => true) } : {}) as never
      },
    }
  }

  async #send(to: string, what: unknown): Promise<void> {
    if (this.unreached.has(to)) throw new Error(`${to} does not answer`)
    this.sent.push([to, what])
  }
}

test('outcomes and progress go to the index that gave the task', async () => {
  const { origins, sent } = new World()
  origins.note('a', [drop('1', 'x')])
  const progress = { taskId: '1', bytes: 5 }
  await origins.progress([progress], signal)
  await origins.report([done('1'), done('2')], signal)
  expect(sent).toEqual([
    ['a', { tasks: [progress] }],
    ['a', { outcomes: [done('1')], lastSeq: 7 }],
    ['own', [done('2')]],
  ])
  // It is forgotten when it is reported.
  await origins.report([done('1')], signal)
  expect(sent.at(-1)).toEqual(['own', [done('1')]])
})

test('an index that does not answer takes no report from another, and allows no drop', async () => {
  const world = new World()
  const { origins, unreached, sent } = world
  origins.note('a', [drop('1', 'x')])
  origins.note('b', [drop('2', 'y')])
  unreached.add('a')
  await origins.report([done('1'), done('2')], signal)
  expect(sent).toEqual([['b', { outcomes: [done('2')], lastSeq: 7 }]])
  expect(await origins.confirmDrops([copy('x'), copy('y'), copy('z')], signal)).toEqual([
    false,
    true,
    true,
  ])
})

test('outcomes that a member does not take are reported to it again', async () => {
  const { origins, unreached, sent, clock } = new World()
  origins.note('a', [drop('1', 'x')])
  unreached.add('a')
  await origins.report([done('1')], signal)
  await clock.advance(5_000)
  expect(sent).toEqual([])
  unreached.clear()
  await clock.advance(8_000)
  expect(sent).toEqual([['a', { outcomes: [done('1')], lastSeq: 7 }]])
  await clock.advance(60_000)
  expect(sent).toHaveLength(1)
  expect(clock.pending).toBe(0)
})

test('if none answers, the error says so, and the drops are asked again where they came from', async () => {
  const { origins, unreached, sent } = new World()
  origins.note('a', [drop('1', 'x')])
  unreached.add('a')
  await expect(origins.confirmDrops([copy('x')], signal)).rejects.toThrow('a does not answer')
  unreached.clear()
  expect(await origins.confirmDrops([copy('x')], signal)).toEqual([true])
  expect(sent).toEqual([['a', { copies: [copy('x')] }]])
})

test('tasks that are never reported are forgotten, the oldest first', async () => {
  const { origins, sent } = new World()
  const tasks = Array.from({ length: 5_001 }, (_, number) => drop(`${number}`, `f${number}`))
  origins.note('a', tasks)
  await origins.report([done('0'), done('5000')], signal)
  expect(sent.map((one) => (one as unknown[])[0])).toEqual(['own', 'a'])
})

test('beside an index of the cluster, tasks that are not noted are its own', async () => {
  const world = new World({ hasCluster: true })
  const { origins, unreached, sent } = world
  origins.note(ownIndex, [drop('1', 'x')])
  origins.note('a', [drop('2', 'y')])
  await origins.report([done('1'), done('2'), done('3')], signal)
  expect(sent).toEqual([
    ['own', [done('1')]],
    ['a', { outcomes: [done('2')], lastSeq: 7 }],
    ['cluster', 'announced'],
    ['cluster', [done('3')]],
  ])
  sent.splice(0)
  unreached.add('cluster')
  origins.note(ownIndex, [drop('1', 'x')])
  await origins.report([done('3'), done('1')], signal)
  expect(sent).toEqual([['own', [done('1')]]])
})
