import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { Address } from '../../../common/protocol/transport.ts'
import { type Random, randomId, seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { Mesh, type MeshSettings } from '../../../peer/mesh/mesh.ts'
import { MemoryKnowledge, SimulatedCatalog } from './memory-knowledge.ts'
import { MeshNetwork, ProcessClock } from './mesh-network.ts'

/** Changes per announcement: small catalogs need several. */
const pageMax = 50

const meshSettings: MeshSettings = {
  gossipMs: 1_000,
  fanOut: 3,
  indirectProbes: 3,
  deadAfterMs: 60_000,
  forgetAfterMs: 600_000,
}

interface Running {
  readonly mesh: Mesh
  readonly clock: ProcessClock
}

/** One machine with one peer, which may be running. */
export class SimulatedMember {
  readonly peerId: string
  readonly address: Address
  /** How wrong the wall clock of the machine is. */
  readonly wall = { offsetMs: 0 }
  readonly #swarm: SimulatedMesh
  #catalog: SimulatedCatalog
  #knowledge: MemoryKnowledge
  #running: Running | undefined

  constructor(index: number, swarm: SimulatedMesh) {
    this.peerId = `peer${index}`
    this.address = { host: `host${index}`, port: 7_000 }
    this.#swarm = swarm
    this.#catalog = swarm.newCatalog(this.peerId)
    this.#knowledge = swarm.knowledgeOf(this.#catalog)
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** @throws if it is not running */
  get mesh(): Mesh {
    if (this.#running === undefined) throw new Error(`${this.peerId} is not running`)
    return this.#running.mesh
  }

  get catalog(): SimulatedCatalog {
    return this.#catalog
  }

  get knowledge(): MemoryKnowledge {
    return this.#knowledge
  }

  start(joins: readonly Address[]): void {
    const { network, random, log } = this.#swarm
    const clock = new ProcessClock(this.#swarm.clock, this.wall)
    let isAlive = true
    const { peerId, address } = this
    const link = network.linkOf({ peerId, host: address.host, isAlive: () => isAlive })
    const mesh = Mesh.start(
      {
        self: () => ({
          peerId,
          ...address,
          epoch: this.#catalog.epoch,
          lastSeq: this.#catalog.lastSeq,
          freeBytes: 64_000_000_000,
        }),
        settings: this.#swarm.settings,
        joins,
      },
      {
        link,
        knowledge: this.#knowledge,
        clock,
        random,
        log: log.child({ peerId }),
        onMember: () => {},
      },
    )
    this.#running = { mesh, clock }
    network.open({ peerId, address, handlers: mesh.handlers })
    this.#onCrash = () => {
      isAlive = false
    }
  }

  /** Ends the process without a word. The next one knows what this one knew, or nothing. */
  crash(): void {
    this.#running?.clock.end()
    this.#onCrash()
    this.#swarm.network.close(this)
    this.#running = undefined
  }

  /** Prepares the next run: it has the files of the last one, or none if the disk was lost. */
  restart({ hasDisk }: { hasDisk: boolean }): void {
    const files = hasDisk ? this.#catalog.lastSeq : 0
    this.#catalog = this.#swarm.newCatalog(this.peerId)
    for (let added = 0; added < files; added += 1) this.#catalog.addFile()
    this.#knowledge = this.#swarm.knowledgeOf(this.#catalog)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.mesh[Symbol.asyncDispose]()
    this.#swarm.network.close(this)
  }

  /** The members that have answered it, or several others. */
  metIds(): string[] {
    return this.mesh
      .members()
      .filter(({ isMet }) => isMet)
      .map(({ record }) => record.peerId)
  }

  addFiles(count: number): void {
    for (let added = 0; added < count; added += 1) this.#catalog.addFile()
    this.#running?.mesh.tellNews()
  }

  #onCrash: () => void = () => {}
}

/** A mesh in virtual time, under one seed. */
export class SimulatedMesh {
  readonly clock: FakeClock
  readonly random: Random
  readonly network: MeshNetwork
  readonly settings: MeshSettings
  readonly log: Log
  readonly members: readonly SimulatedMember[]
  readonly #catalogs = new Map<string, SimulatedCatalog>()
  readonly #pageMax: number

  constructor(options: {
    seed: string
    count: number
    settings?: Partial<MeshSettings>
    log?: Log
    /** Whether changes are handed over as they are, and messages take whole milliseconds. */
    isLight?: boolean
  }) {
    const { isLight = false } = options
    this.clock = new FakeClock(undefined, { isCoarse: isLight })
    this.random = seededRandom(options.seed)
    this.#pageMax = isLight ? limits.announceChangesMax : pageMax
    this.log = options.log ?? silentLog
    this.settings = { ...meshSettings, ...options.settings }
    this.network = new MeshNetwork({ isLight }, this)
    this.members = Array.from({ length: options.count }, (_, n) => new SimulatedMember(n, this))
  }

  newCatalog(peerId: string): SimulatedCatalog {
    return new SimulatedCatalog({ peerId, epoch: randomId(this.random), pageMax: this.#pageMax })
  }

  knowledgeOf(catalog: SimulatedCatalog): MemoryKnowledge {
    this.#catalogs.set(catalog.epoch, catalog)
    return new MemoryKnowledge(catalog, this.#catalogs)
  }

  /** @throws if there is no such member */
  member(index: number): SimulatedMember {
    const member = this.members[index]
    if (member === undefined) throw new Error(`there is no member ${index}`)
    return member
  }

  get running(): SimulatedMember[] {
    return this.members.filter(({ isRunning }) => isRunning)
  }

  /** Advances time until all running members agree. @returns the rounds that took; undefined if too many */
  async roundsUntilAgreed(roundsMax: number): Promise<number | undefined> {
    for (let rounds = 0; rounds <= roundsMax; rounds += 1) {
      if (this.disagreement() === undefined) return rounds
      await this.clock.advance(this.settings.gossipMs)
    }
    return undefined
  }

  /** The first thing in which a running member differs from what is; undefined if all agree. */
  disagreement(): string | undefined {
    const { running } = this
    const runningIds = new Set(running.map(({ peerId }) => peerId))
    for (const one of running) {
      const known = new Map(one.mesh.members().map((member) => [member.record.peerId, member]))
      for (const other of running) {
        if (other === one) continue
        const member = known.get(other.peerId)
        const pair = `${one.peerId} of ${other.peerId}`
        if (member?.state !== 'live') return `${pair}: it is ${member?.state ?? 'unknown'}`
        const { epoch, lastSeq } = other.catalog
        if (member.record.epoch !== epoch || member.record.lastSeq !== lastSeq)
          return `${pair}: the record is old`
        if (one.knowledge.seenSeq(other.peerId, epoch) !== lastSeq)
          return `${pair}: changes are missing`
      }
      for (const { record, state } of known.values())
        if (state === 'live' && !runningIds.has(record.peerId))
          return `${one.peerId} of ${record.peerId}: it is live, but is not running`
    }
    const [first, ...others] = running
    const other = others.find(({ mesh }) => mesh.hash !== first?.mesh.hash)
    if (first === undefined || other === undefined) return undefined
    return `hashes of ${first.peerId} and ${other.peerId} differ: ${differenceOf(first, other)}`
  }
}

/** The members that two members see differently. */
function differenceOf(...pair: readonly [SimulatedMember, SimulatedMember]): string {
  const [a = new Map<string, string>(), b = new Map<string, string>()] = pair.map(
    ({ mesh }) =>
      new Map(
        [{ record: mesh.self, state: 'live' }, ...mesh.members()].map(({ record, state }) => [
          record.peerId,
          `${state} ${record.generation}/${record.version}`,
        ]),
      ),
  )
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((peerId) => a.get(peerId) !== b.get(peerId))
    .map((peerId) => `${peerId} is ${a.get(peerId)} or ${b.get(peerId)}`)
    .join(', ')
}
