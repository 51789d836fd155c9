import { type Lane, laneOf } from '../../common/content/lanes.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { copiesIn } from '../soak/known-copies.ts'
import type { Cluster, Machine } from './cluster/cluster.ts'
import type { ShareWatcher } from './cluster/share-watcher.ts'
import { contentIn } from './cluster/simulated-disk.ts'
import { type FollowedRequest, WireTap } from './cluster/wire-tap.ts'
import { type Expectations, hadContent } from './expectations.ts'

/** As the index promises; see slots.ts and running-tasks.ts. */
const streamsPerSourceMax = 2
const batchesPerTargetMax = { small: 3, medium: 1, large: 1 } as const satisfies Record<
  Lane,
  number
>
/**
 * A peer that ended this recently may have been asked for its confirmation before: such a question
 * takes at most this long.
 */
const confirmedMs = 10_000
/** Timers of the whole cluster: its processes wait for little at the same time. */
const timersMax = 3_000

type Task = RequestOf<'tasks'>['tasks'][number]
type Copy = Extract<Task, { kind: 'replicate' }>

interface OpenBatch {
  /** Of the request. */
  readonly id: number
  readonly lane: Lane
  readonly source: string | undefined
  readonly copies: Map<string, Copy>
}

/** Checks, while a cluster lives, what must hold at any time. */
export class Monitor {
  readonly violations: string[] = []
  /** How many copies peers were asked to make; in a mesh, how many they made. */
  copiesAsked = 0
  readonly tap = new WireTap({
    onRequest: (request) => this.#onRequest(request),
    onCancelled: (peerId, id) => this.#onCancelled(peerId, id),
    // A peer gets no further tasks before it has registered again.
    onClosed: (peerId) => void this.#batches.delete(peerId),
    onHeard: (peerId) => void this.#heardMs.set(peerId, this.#cluster?.clock.elapsedMs ?? 0),
  }).tap
  /** When the index heard each peer last (elapsed). */
  readonly #heardMs = new Map<string, number>()
  /** By target: the batches that the index has sent and not heard of. */
  readonly #batches = new Map<string, OpenBatch[]>()
  #cluster: Cluster | undefined
  #expectations: Expectations | undefined

  watch(cluster: Cluster, expectations: Expectations): void {
    this.#cluster = cluster
    this.#expectations = expectations
  }

  violation(text: string): void {
    const line = `violated: ${text}`
    this.#cluster?.events.add('monitor', line)
    this.violations.push(text)
  }

  /** Called often. */
  look(): void {
    const cluster = this.#cluster
    if (cluster === undefined) return
    const { pending } = cluster.clock
    if (pending > timersMax) this.violation(`${pending} timers are pending`)
    for (const { who, what } of cluster.events.errors.splice(0))
      this.violation(`${who} logged an error: ${what}`)
  }

  onIndexEnded(): void {
    this.#batches.clear()
  }

  watcherOf(machine: Machine): ShareWatcher {
    const { peerId } = machine
    return {
      onPlaced: ({ path, kind }, bytes, sha256) => {
        if (this.#cluster?.isMesh === true && kind === 'replicated') this.copiesAsked += 1
        this.#cluster?.events.add(peerId, `placed ${path} ${sha256.slice(0, 8)}`)
        if (contentIn(bytes).content.sha256 !== sha256)
          this.violation(`${peerId} counts other bytes at ${path} as ${sha256}`)
      },
      onMoved: (from, to) => this.#cluster?.events.add(peerId, `moved ${from.path} to ${to.path}`),
      onDamaged: ({ path }) => this.#cluster?.events.add(peerId, `found ${path} damaged`),
      onRemoved: ({ path }, sha256) => {
        this.#cluster?.events.add(peerId, `removed ${path} ${sha256.slice(0, 8)}`)
        this.#onRemoved(machine, path, sha256)
      },
    }
  }

  /** Never below the factor by our own hand. A copy counts that has rotted unnoticed. */
  #onRemoved(remover: Machine, path: string, sha256: string): void {
    const cluster = this.#cluster
    if (cluster === undefined || this.#expectations?.isWanted(sha256) !== true) return
    const nowMs = cluster.clock.elapsedMs
    const holders = cluster.machines.filter(
      (machine) =>
        (hadContent(machine, sha256) &&
          (machine.run !== undefined || nowMs - machine.endedAtMs < confirmedMs)) ||
        (nowMs - machine.diskLostAtMs < confirmedMs && machine.lostContents.has(sha256)),
    )
    const { least } = this.#expectations.factorsOf(sha256)
    this.#expectations.onDropped(sha256)
    if (holders.length < least)
      this.violation(
        `${remover.peerId} dropped ${path}, which is on ${holders.map(({ peerId }) => peerId).join(', ') || 'no peer'} then`,
      )
  }

  #onRequest(request: FollowedRequest): void {
    const { peerId } = request
    if (request.type === 'hello') {
      if (request.body.registration !== undefined) this.#batches.delete(peerId)
    } else if (request.type === 'tasks') this.#onTasks(peerId, request.id, request.body.tasks)
    else if (request.type === 'report')
      this.#settle(
        peerId,
        request.body.outcomes.map(({ taskId }) => taskId),
      )
    else this.#settle(peerId, request.body.taskIds)
  }

  #settle(peerId: string, taskIds: readonly string[]): void {
    const batches = this.#batches.get(peerId) ?? []
    for (const { copies } of batches) for (const taskId of taskIds) copies.delete(taskId)
    const open = batches.filter(({ copies }) => copies.size > 0)
    this.#batches.set(peerId, open)
  }

  /** The index treats the tasks of such a request as refused. */
  #onCancelled(peerId: string, id: number): void {
    const batches = this.#batches.get(peerId) ?? []
    this.#batches.set(
      peerId,
      batches.filter((batch) => batch.id !== id),
    )
  }

  /** The index gives up the tasks of a peer that is dead. */
  #forgetDead(cluster: Cluster): void {
    const { deadAfterMs } = cluster.settings
    for (const [peerId, heardMs] of this.#heardMs)
      if (cluster.clock.elapsedMs - heardMs >= deadAfterMs) this.#batches.delete(peerId)
  }

  #onTasks(target: string, id: number, tasks: readonly Task[]): void {
    for (const task of tasks) this.#cluster?.events.add('index', `asks ${target}: ${textOf(task)}`)
    const copies = tasks.filter((task) => task.kind === 'replicate')
    const [first] = copies
    if (first === undefined) return
    this.copiesAsked += copies.length
    if (this.#cluster !== undefined) this.#forgetDead(this.#cluster)
    const batch: OpenBatch = {
      id,
      lane: laneOf(first.content.size),
      source: first.sources[0]?.peerId,
      copies: new Map(copies.map((copy) => [copy.taskId, copy])),
    }
    const open = this.#batches.get(target) ?? []
    const batches = open.filter(({ lane }) => lane === batch.lane).length + 1
    if (batches > batchesPerTargetMax[batch.lane])
      this.violation(`${target} has ${batches} ${batch.lane} batches`)
    for (const copy of copies) this.#checkNeed(target, copy)
    this.#checkIsNew(target, copies)
    this.#batches.set(target, [...open, batch])
    // A peer carries out its batches one after the other.
    const streams = this.#batches
      .values()
      .filter((each) =>
        each.some(({ lane, source }) => lane === batch.lane && source === batch.source),
      )
      .toArray().length
    if (streams > streamsPerSourceMax)
      this.violation(`${batch.source} sends ${batch.lane} contents to ${streams} peers`)
  }

  /** No peer is asked for a sound copy that the index knows it has. */
  #checkIsNew(target: string, copies: readonly Copy[]): void {
    const { index, machines = [] } = this.#cluster ?? {}
    const machine = machines.find(({ peerId }) => peerId === target)
    if (index === undefined || machine === undefined || machine.disk.isLying) return
    const known = copiesIn(index.database).filter(
      ({ peerId, isWanted }) => isWanted && peerId === target,
    )
    for (const { content } of copies)
      if (known.some(({ sha256 }) => sha256 === content.sha256))
        this.violation(`${target} is asked for ${content.sha256}, which it has`)
  }

  /** No more tasks for a content than copies may be missing. */
  #checkNeed(target: string, { content: { sha256 } }: Copy): void {
    const most = this.#expectations?.factorsOf(sha256).most ?? 0
    const targets = [...this.#batches]
      .filter(([, batches]) =>
        batches.some(({ copies }) => copies.values().some((one) => one.content.sha256 === sha256)),
      )
      .map(([peerId]) => peerId)
    if (targets.includes(target)) this.violation(`${target} is asked twice for ${sha256}`)
    if (targets.length + 1 > most)
      this.violation(`${[...targets, target].join(', ')} are asked for ${sha256}`)
  }
}

function textOf(task: Task): string {
  if (task.kind === 'drop') return `drop ${task.owner}/${task.name} ${task.sha256.slice(0, 8)}`
  const sources = task.sources.map(({ peerId }) => peerId).join(', ')
  return `copy ${task.owner}/${task.name} ${task.content.sha256.slice(0, 8)} from ${sources}`
}
