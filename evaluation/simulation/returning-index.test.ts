/** A thousand peers, and an index that goes away and returns. */
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { type IndexingServer, startIndexingServer } from '../../indexing-server/indexing-server.ts'
import { Announcer } from '../../peer/announce/announcer.ts'
import { FetchingTeller } from '../../peer/announce/fetching-teller.ts'
import type { Inventory } from '../../peer/announce/inventory.ts'

const peerCount = 1_000
const address = { host: '127.0.0.1', port: 7_000 }

/** The index connection of `tandem peer`. */
class Crowd implements AsyncDisposable {
  readonly clock = new FakeClock()
  /** Times of all connection attempts. */
  attemptsMs: number[] = []
  readonly #transport = new MemoryTransport()
  readonly #stack = new AsyncDisposableStack()
  readonly #announcers: Announcer[] = []

  async startIndex(): Promise<IndexingServer> {
    return await startIndexingServer(
      {
        ...address,
        data: ':memory:',
        replicationFactor: 2,
        heartbeatMs: 60_000,
        deadAfterMs: 600_000,
        startGraceMs: 3_000,
        brakeMs: 600_000,
        settleMs: 1_000,
        trimAfterMs: 600_000,
        reserveBytes: 0,
        repairBytesPerSecond: 'unlimited',
        moveBytesPerSecond: 'unlimited',
        rebalanceAbove: 0,
        replacedMs: 3_600_000,
        replacedBytes: 1_000_000_000,
        trashMs: 30 * 86_400_000,
        trashBytes: 1_024 ** 4,
        lookupBytes: 2 ** 20,
        proofMs: 0,
        commitDelayMs: 2,
      },
      {
        transport: this.#transport,
        clock: this.clock,
        random: seededRandom('index'),
        log: silentLog,
        dialBack: async () => {},
      },
    )
  }

  startPeer(peerId: string): void {
    const random = seededRandom(peerId)
    const { clock } = this
    const transport = {
      listen: this.#transport.listen.bind(this.#transport),
      dial: async (...dialled: Parameters<MemoryTransport['dial']>) => {
        this.attemptsMs.push(clock.monotonicMs())
        return await this.#transport.dial(...dialled)
      },
    }
    const dependencies = { transport, clock, random, log: silentLog }
    const announcer = this.#stack.use(
      Announcer.start(
        { peerId, index: address, host: undefined, port: 7_100, zone: undefined },
        {
          ...dependencies,
          inventory: emptyInventory(random.bytes(8).toString('hex')),
          room: async () => ({ freeBytes: 1_000 }),
          intent: () => undefined,
          handlers: {
            tasks: async () => ({}),
            'cancel-tasks': async () => ({}),
            probe: async () => ({}),
            verify: async () => ({}),
            prove: async () => Promise.reject(new AppError('BUSY')),
            'show-chunk': async () => Promise.reject(new AppError('BUSY')),
            'confirm-copies': async () => ({ confirmed: [] }),
            relabel: async ({ copies }) => ({ relabelled: copies.map(() => false) }),
            'restore-file': async () => ({}),
            reached: async () => ({}),
            'keep-intent': async ({ revision }) => ({ revision }),
            'read-intent': async () => ({ records: [] }),
          },
        },
      ),
    )
    // It waits for the connection as long as there is none.
    const unfinished = { contents: [], changes: new WakeUp() }
    const connected = announcer.connected.bind(announcer)
    this.#stack.use(FetchingTeller.start({ ...dependencies, unfinished, connected }))
    this.#announcers.push(announcer)
  }

  get registered(): number {
    return this.#announcers.filter(({ state }) => state.name === 'registered').length
  }

  /** The maximum number of attempts in any second since the list was cleared. */
  get attemptsPerSecondMax(): number {
    const { attemptsMs } = this
    let first = 0
    let most = 0
    for (const [index, ms] of attemptsMs.entries()) {
      while (ms - (attemptsMs[first] ?? ms) >= 1_000) first++
      most = Math.max(most, index - first + 1)
    }
    return most
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const disposed = this.#stack.disposeAsync()
    await this.clock.advance(1_000)
    await disposed
  }
}

function emptyInventory(epoch: string): Inventory {
  return {
    epoch,
    continues: undefined,
    lastSeq: 0,
    isComplete: true,
    changesSince: () => [],
    canResumeFrom: () => false,
    seenByIndex: () => {},
    onChange: () => () => {},
  }
}

test('a thousand peers do not trample on an index that is away, and are back within seconds', async () => {
  await using crowd = new Crowd()
  const { clock } = crowd
  const index = await crowd.startIndex()
  for (let number = 1; number <= peerCount; number++) crowd.startPeer(`peer${number}`)
  await clock.advance(1_000)
  expect(crowd.registered).toBe(peerCount)
  await clock.advance(10_000)

  crowd.attemptsMs = []
  const stopped = index[Symbol.asyncDispose]()
  await clock.advance(10_000)
  await stopped
  expect(crowd.registered).toBe(0)
  // In 10 s about 9 each; they are not synchronized.
  expect(crowd.attemptsMs.length).toBeLessThanOrEqual(11 * peerCount)
  expect(crowd.attemptsPerSecondMax).toBeLessThanOrEqual(3 * peerCount)
  crowd.attemptsMs = crowd.attemptsMs.filter((ms) => ms > clock.monotonicMs() - 6_000)
  expect(crowd.attemptsPerSecondMax).toBeLessThanOrEqual(peerCount)

  crowd.attemptsMs = []
  await using returned = await crowd.startIndex()
  await clock.advance(2_100)
  expect(crowd.registered).toBe(peerCount)
  // One attempt was enough for each.
  expect(crowd.attemptsMs).toHaveLength(peerCount)
  expect((await returned.status()).peers).toMatchObject({ live: peerCount })
}, 120_000)
