import { expect, onTestFinished, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import { AppError } from '../../common/errors.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import type { Announcement } from '../../common/protocol/registration-shapes.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { ChangePuller } from './change-puller.ts'
import type { Exchange } from './exchange.ts'
import type { Knowledge } from './knowledge.ts'
import { Membership } from './membership.ts'

const epoch = '0'.repeat(16)

function recordOf(peerId: string, lastSeq: number): MemberRecord {
  const numbers = { generation: 1, version: 1, port: 7_000, freeBytes: 0 }
  return { peerId, host: peerId, epoch, lastSeq, ...numbers }
}

/** A member that knows two others: the one whose changes are missing, and the one that told of them. */
class World {
  readonly clock = new FakeClock()
  /** Who was asked for changes after which one. */
  readonly asked: string[] = []
  /** Members that cannot be reached. */
  readonly away = new Set<string>()
  /** The last change that each member has of the origin's catalog. */
  readonly has = new Map<string, number>()
  seen = 0
  readonly puller: ChangePuller
  readonly #membership: Membership

  constructor() {
    const { clock } = this
    const random = seededRandom('puller')
    const work = new BackgroundWork({ log: silentLog })
    onTestFinished(() => work[Symbol.asyncDispose]())
    const { generation: _, version: __, ...self } = recordOf('self', 0)
    this.#membership = new Membership(
      { self, settings: { deadAfterMs: 60_000, forgetAfterMs: 600_000 } },
      {
        clock,
        log: silentLog,
        improper: { report: () => {} },
        onMember: () => {},
        onForgotten: () => {},
        onRecord: () => false,
        onSuspected: () => {},
        onNews: () => {},
      },
    )
    const knowledge: Knowledge = {
      seenSeq: () => this.seen,
      isInventory: () => false,
      isWhole: () => true,
      announcementAfter: () => undefined,
      readAgain: () => {
        this.seen = 0
      },
      apply: async (__, { lastSeq }) => {
        this.seen = lastSeq
      },
    }
    const exchange = {
      ask: async ({ record }: { record: MemberRecord }, ___: string, body: unknown) => {
        const { after } = body as RequestOf<'mesh-changes'>
        this.#refuseAway(record.peerId)
        this.asked.push(`${record.peerId} ${after}`)
        const lastSeq = this.has.get(record.peerId) ?? 0
        return lastSeq > after ? { announcement: page(after, lastSeq) } : {}
      },
      gossip: async ({ record }: { record: MemberRecord }) => this.#refuseAway(record.peerId),
      take: () => 0,
    } as unknown as Exchange
    const dependencies = { membership: this.#membership, exchange, knowledge, clock, random, work }
    this.puller = new ChangePuller({ gossipMs: 1_000 }, { ...dependencies, log: silentLog })
    this.hear(3)
    this.#membership.merge([{ record: recordOf('teller', 0) }], { host: 'teller' })
  }

  /** The origin is said to have changes up to this one. */
  hear(lastSeq: number): void {
    this.#membership.merge([{ record: { ...recordOf('origin', lastSeq), version: lastSeq } }], {
      host: 'teller',
    })
  }

  async pull(lastSeq = 3): Promise<void> {
    this.puller.check(recordOf('origin', lastSeq), 'teller')
    await this.pass(0)
  }

  async pass(delayMs: number): Promise<void> {
    await this.clock.advance(delayMs)
    this.puller.retry()
    await this.clock.advance(0)
  }

  #refuseAway(peerId: string): void {
    if (!this.away.has(peerId)) return
    throw new AppError('DIAL_FAILED', { address: peerId, reason: 'away' })
  }
}

function page(previousSeq: number, lastSeq: number): Announcement {
  return { epoch, previousSeq, lastSeq, changes: [] }
}

test('a member that answers is asked for its changes, and no other', async () => {
  const world = new World()
  world.has.set('origin', 3).set('teller', 3)
  await world.pull()
  expect(world.asked).toEqual(['origin 0'])
  expect(world.puller.behindCount).toBe(0)
})

test('what a member does not have of itself is taken from no other', async () => {
  const world = new World()
  world.has.set('origin', 2).set('teller', 3)
  await world.pull()
  expect(world.asked).toEqual(['origin 0', 'origin 2'])
  expect([world.seen, world.puller.behindCount]).toEqual([2, 1])
})

test('what others told while a member was away is replaced by what it says itself', async () => {
  const world = new World()
  world.has.set('origin', 3).set('teller', 3)
  world.away.add('origin')
  await world.pull()
  expect([world.seen, world.puller.behindCount]).toEqual([3, 0])
  await world.pass(30_000)
  expect(world.asked).toEqual(['teller 0'])
  world.away.delete('origin')
  await world.pass(40_000)
  expect(world.asked).toEqual(['teller 0', 'origin 0'])
  await world.pass(600_000)
  expect(world.asked).toHaveLength(2)
})
