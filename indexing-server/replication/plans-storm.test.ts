/** Random drains, maintenance, crashes and returns: nothing is lost, and the disks come back to rest. */
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { IndexCluster, type TestPeer } from '../testing/index-cluster.ts'

const trimAfterMs = 60_000
const factor = 2

class Storm {
  readonly cluster: IndexCluster
  readonly peers: readonly TestPeer[]
  readonly draining = new Set<string>()
  /** Drops that a draining peer was asked for. */
  readonly wrongDrops: string[] = []
  readonly #random: () => number
  #files = 0
  #away: TestPeer | undefined

  constructor(cluster: IndexCluster, peers: readonly TestPeer[], seed: string) {
    this.cluster = cluster
    this.peers = peers
    const random = seededRandom(seed)
    this.#random = () => random.fraction()
    for (const peer of peers)
      peer.answer = (task) => {
        if (task.kind === 'drop' && this.draining.has(peer.peerId))
          this.wrongDrops.push(`${peer.peerId} ${task.name}`)
        return undefined
      }
  }

  /** A peer that answers. */
  get asker(): TestPeer {
    const open = this.peers.filter((peer) => peer !== this.#away)
    return this.#oneOf(open)
  }

  async step(): Promise<void> {
    const { peerId } = this.#oneOf(this.peers)
    const steps = [
      () => this.#drain(peerId),
      () => this.#undrain(peerId),
      () => this.asker.ask('maintain', { peerId, forMs: 120_000 }).catch(() => {}),
      () => this.asker.ask('maintain', { peerId }),
      () => this.#crash(),
      () => this.#return(),
      () => this.asker.shares(`file ${this.#files++}`),
      () => this.asker.shares(`file ${this.#files++}`),
    ]
    await this.#oneOf(steps)()
    await this.cluster.advance(5_000 + Math.floor(this.#random() * 80_000))
  }

  /** All peers return, and nothing else happens. */
  async end(): Promise<void> {
    await this.#return()
    for (const { peerId } of this.peers) await this.asker.ask('maintain', { peerId })
    await this.cluster.advance(20 * trimAfterMs)
  }

  async #drain(peerId: string): Promise<void> {
    if (this.draining.size >= this.peers.length - 1 - factor) return
    this.draining.add(peerId)
    await this.asker.ask('drain', { peerId })
  }

  async #undrain(peerId: string): Promise<void> {
    await this.asker.ask('undrain', { peerId })
    this.draining.delete(peerId)
  }

  async #crash(): Promise<void> {
    if (this.#away !== undefined) return
    this.#away = this.#oneOf(this.peers)
    this.#away.crash()
  }

  async #return(): Promise<void> {
    const peer = this.#away
    this.#away = undefined
    await peer?.connect()
  }

  #oneOf<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#random() * all.length)]
    if (one === undefined) throw new Error('there is none')
    return one
  }
}

test.each(['a', 'b'])('storm %s', async (seed) => {
  await using cluster = await IndexCluster.start({ trimAfterMs, replicationFactor: factor })
  const peers: TestPeer[] = []
  for (let number = 1; number <= 6; number++) peers.push(await cluster.peer(`peer${number}`))
  const storm = new Storm(cluster, peers, seed)
  for (let steps = 0; steps < 25; steps++) await storm.step()
  await storm.end()

  expect(storm.wrongDrops).toEqual([])
  const { asker } = storm
  const { files } = await asker.ask('search', { query: '', limit: 500 })
  for (const { name } of files) {
    const { contents } = await asker.ask('why', { name })
    const holders = new Set(contents[0]?.copies.map(({ peerId }) => peerId))
    const staying = [...holders].filter((peerId) => !storm.draining.has(peerId))
    expect({ name, staying: staying.length, missing: contents[0]?.missing }).toEqual({
      name,
      staying: factor,
      missing: [],
    })
  }
  expect(await asker.ask('status', {})).toMatchObject({
    belowFactor: 0,
    tasks: { waiting: 0, running: 0 },
  })
})
