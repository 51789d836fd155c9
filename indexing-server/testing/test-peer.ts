/** A scripted peer of an index in tests. */
import { createHash } from 'node:crypto'
import { AppError } from '../../common/errors.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type {
  Change,
  Content,
  CopyKey,
  HttpAddress,
  RequestOf,
  Task,
  TaskOutcome,
} from '../../common/protocol/messages.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import { KeptDecisions } from './kept-decisions.ts'
import type { PeerScript } from './scripted-handlers.ts'

/** The content `text`. */
export function contentOf(text: string): Content {
  const sha256 = createHash('sha256').update(text).digest('hex')
  return { sha256, size: Buffer.byteLength(text), chunkRoot: sha256 }
}

/** The proof of a peer that has this text. @throws AppError CONTENT_NOT_FOUND without one */
export function proofOf({ sha256, nonce }: RequestOf<'prove'>, text: string | undefined): string {
  if (text === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  return createHash('sha256').update(Buffer.from(nonce, 'hex')).update(text).digest('hex')
}

/**
 * A peer's response to a task: an error code, optionally with a reason, or undefined for success.
 */
export type TaskAnswer = (task: Task) => string | Omit<TaskOutcome, 'taskId'> | undefined

export interface PeerOptions {
  readonly epoch?: string
  readonly zone?: string
  /** By default the address that the index sees. */
  readonly host?: string
  /** Its HTTP server; none by default. */
  readonly http?: Omit<HttpAddress, 'host'> & { readonly host?: string }
  readonly freeBytes?: number
  /** What it gives to the cluster; by default all. */
  readonly capacityBytes?: number
  /** The identity that its id is bound to; none by default. */
  readonly identity?: string
}

/** A change; without a text the copy is dropped. */
export interface ChangeText extends Omit<CopyKey, 'kind'> {
  readonly kind?: CopyKey['kind']
  readonly text?: string | Content
  readonly modifiedMs?: number
}

/** The cluster of a scripted peer. */
interface PeersCluster {
  readonly clock: { nowMs(): number }
  /** The texts that peers have shared, by hash. */
  readonly texts: Map<string, string>
  /** Those that send heartbeats while time advances. */
  readonly beating: Set<TestPeer>
  dial(
    hello: Omit<RequestOf<'hello'>, 'protocol'> & { role: 'peer' | 'client' },
    script?: PeerScript,
  ): Promise<{ connection: Connection; seenSeq: number }>
  /** Advances time until `promise` is settled. */
  run<T>(promise: PromiseLike<T>): Promise<T>
}

/** A peer as the index sees one. It completes tasks immediately, unless `answer` says otherwise. */
export class TestPeer {
  readonly peerId: string
  readonly tasks: Task[] = []
  /** What it was told about its address: why it was not reached, or undefined. */
  readonly verified: string[] = []
  readonly reached: (string | undefined)[] = []
  /** Replicas that it was asked to move: from, to. */
  readonly relabelled: [string, string][] = []
  /** Names of files that it was asked to restore. */
  readonly restored: string[] = []
  /** Why it restores none, if so. */
  restoreRefusal: AppError | undefined
  /** Ids of cancelled tasks. */
  readonly cancelled: string[] = []
  /** Number of tasks per request. */
  readonly batches: number[] = []
  answer: TaskAnswer | undefined = () => undefined
  /** The decisions that it keeps. */
  readonly kept = new KeptDecisions()
  /** Those that it keeps for another index. */
  readonly otherKept = new KeptDecisions()
  /** Whether it confirms that it still has a content. */
  confirms: (sha256: string) => boolean | Promise<boolean> = () => true
  /** What it was asked to prove. */
  readonly challenges: RequestOf<'prove'>[] = []
  /** How it proves that it has a content of one chunk; by default it has all that was ever shared. */
  proves: (challenge: RequestOf<'prove'>) => string | Promise<string> = (challenge) =>
    proofOf(challenge, this.#cluster.texts.get(challenge.sha256))
  /** The chunk list and the chunk that it shows. */
  shows: (wanted: RequestOf<'show-chunk'>) => Uint8Array | Promise<Uint8Array> = ({ sha256 }) =>
    Buffer.concat([Buffer.from(sha256, 'hex'), Buffer.from(this.#cluster.texts.get(sha256) ?? '')])
  freeBytes: number
  capacityBytes: number | undefined
  seenSeq = 0
  epoch: string
  continues: { epoch: string; lastSeq: number } | undefined
  readonly #cluster: PeersCluster
  readonly #place: Pick<PeerOptions, 'zone' | 'host' | 'http' | 'identity'>
  #connection: Connection | undefined
  #seq = 0
  #isHung = false
  /** What it announced last of each file. */
  readonly #files = new Map<string, ChangeText>()
  /** Its replicas, by owner and name. */
  readonly #replicas = new Map<string, Content | undefined>()

  constructor(cluster: PeersCluster, peerId: string, options: PeerOptions) {
    this.#cluster = cluster
    this.peerId = peerId
    this.epoch = options.epoch ?? createHash('md5').update(peerId).digest('hex').slice(0, 16)
    const { zone, host, http, identity } = options
    this.#place = {
      ...(identity === undefined ? {} : { identity }),
      ...(zone === undefined ? {} : { zone }),
      ...(host === undefined ? {} : { host }),
      ...(http === undefined ? {} : { http }),
    }
    this.freeBytes = options.freeBytes ?? 1_000_000_000
    this.capacityBytes = options.capacityBytes
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen ?? false
  }

  get room(): RequestOf<'heartbeat'> {
    const { freeBytes, capacityBytes } = this
    return { freeBytes, ...(capacityBytes !== undefined && { capacityBytes }) }
  }

  async connect(): Promise<void> {
    const { peerId, epoch, continues } = this
    this.#isHung = false
    const registration = {
      epoch,
      ...(continues && { continues }),
      ...(this.kept.state && { intent: this.kept.state }),
      ...(this.otherKept.state && { otherIntent: this.otherKept.state }),
      ...(this.#seq > 0 && { hasAnnounced: true }),
      port: 7_100,
      ...this.room,
      ...this.#place,
    }
    const hello = { role: 'peer' as const, peerId, registration }
    const dialled = await this.#cluster.dial(hello, {
      onTasks: (tasks) => this.#onTasks(tasks),
      onProbe: () => (this.#isHung ? new Promise(() => {}) : Promise.resolve({})),
      onReached: (reason) => this.reached.push(reason),
      onCancel: (taskIds) => this.cancelled.push(...taskIds),
      onVerify: (sha256) => this.verified.push(sha256),
      hasCopy: (sha256) => this.confirms(sha256),
      onProve: (challenge) => {
        this.challenges.push(challenge)
        return this.proves(challenge)
      },
      onShow: (wanted) => this.shows(wanted),
      onRelabel: (copies) => this.#onRelabel(copies),
      onRestore: ({ name }) => {
        if (this.restoreRefusal !== undefined) throw this.restoreRefusal
        this.restored.push(name)
      },
      kept: this.kept,
      otherKept: this.otherKept,
    })
    this.#connection = dialled.connection
    this.seenSeq = dialled.seenSeq
    this.#seq = dialled.seenSeq
    this.#cluster.beating.add(this)
  }

  /** Falls silent and answers no probe; its connection stays open. */
  hang(): void {
    this.#isHung = true
    this.#cluster.beating.delete(this)
  }

  /** Ends without sending `leave`. */
  crash(): void {
    this.hang()
    this.#connection?.destroy()
  }

  request: Connection['request'] = (type, body, options) => {
    if (this.#connection === undefined) throw new Error('connect first')
    return this.#connection.request(type, body, options)
  }

  /** Sends a request and advances time until it is answered. */
  ask: Connection['request'] = (type, body, options) =>
    this.#cluster.run(this.request(type, body, options))

  /** Announces these changes after the last one that the index has. */
  async announce(...changes: readonly ChangeText[]): Promise<void> {
    await this.#cluster.run(this.announceNow(...changes))
  }

  async announceNow(...texts: readonly ChangeText[]): Promise<void> {
    const previousSeq = this.#seq
    const changes = texts.map((text) => this.#change(text))
    const isFirst = previousSeq === 0
    await this.request('announce', {
      epoch: this.epoch,
      previousSeq,
      lastSeq: this.#seq,
      changes,
      ...(isFirst ? { begin: true, end: true } : {}),
    })
  }

  /** Announces that its file is gone. */
  async removes(
    name: string,
    fields: Partial<Extract<Change, { op: 'remove' }>> = {},
  ): Promise<void> {
    const previousSeq = this.#seq++
    const removedMs = Math.floor(this.#cluster.clock.nowMs())
    const removal = { op: 'remove', seq: this.#seq, name, reason: 'deleted', removedMs } as const
    this.#files.delete(['shared', undefined, name, undefined].join('/'))
    await this.ask('announce', {
      epoch: this.epoch,
      previousSeq,
      lastSeq: this.#seq,
      changes: [{ ...removal, ...fields }],
    })
  }

  /** Announces everything that it has, to an index that has none of it. */
  async announceAll(): Promise<void> {
    const files = [...this.#files.values()]
    this.#files.clear()
    await this.announce(...files)
  }

  async shares(name: string, text = name): Promise<Content> {
    await this.announce({ name, text })
    return contentOf(text)
  }

  /** Like a real peer: keeps its previous content of a file aside when it gets new content. */
  #changesOf(task: Task): ChangeText[] {
    const { owner, name } = task
    const held = this.#replicas.get(`${owner}/${name}`)
    const replica = { kind: 'replicated', owner, name } as const
    if (task.kind === 'replicate') {
      const isOther = held !== undefined && held.sha256 !== task.content.sha256
      const aside = { ...replica, version: held?.sha256 ?? '' }
      return [...(isOther ? [{ ...aside, text: held }] : []), { ...replica, text: task.content }]
    }
    return held?.sha256 === task.sha256 ? [replica] : [{ ...replica, version: task.sha256 }]
  }

  #change(change: ChangeText): Change {
    const { text, kind = 'shared', ...key } = change
    const seq = ++this.#seq
    this.#files.set([kind, key.owner, key.name, key.version].join('/'), change)
    if (kind === 'replicated' && key.version === undefined)
      this.#replicas.set(
        `${key.owner}/${key.name}`,
        typeof text === 'string' ? contentOf(text) : text,
      )
    if (text === undefined) return { op: 'drop', seq, kind, ...key }
    if (typeof text === 'string') this.#cluster.texts.set(contentOf(text).sha256, text)
    const content = typeof text === 'string' ? contentOf(text) : text
    const modifiedMs = key.modifiedMs ?? 1_000
    return { op: 'put', seq, kind, ...key, ...content, modifiedMs }
  }

  /** Like a real peer: moves the replica, and announces that. */
  #onRelabel(copies: readonly Relabelling[]): boolean[] {
    const changes = copies.flatMap(({ from, to, version }): ChangeText[] => {
      this.relabelled.push([from.name, to.name])
      const held = this.#replicas.get(`${from.owner}/${from.name}`)
      const kind = 'replicated'
      return [
        { kind, ...to, ...(held !== undefined && { text: held }) },
        { kind, ...from, ...(version !== undefined && { version }) },
      ]
    })
    this.announceNow(...changes).catch(() => {})
    return copies.map(() => true)
  }

  #onTasks(tasks: readonly Task[]): void {
    this.tasks.push(...tasks)
    this.batches.push(tasks.length)
    // The test may have closed the connection meanwhile.
    this.#carryOut(tasks).catch(() => {})
  }

  async #refusedDrops(tasks: readonly Task[]): Promise<ReadonlySet<Task>> {
    const drops = tasks.filter((task) => task.kind === 'drop')
    if (drops.length === 0) return new Set()
    const copies = drops.map(({ owner, name, sha256 }) => ({ owner, name, sha256 }))
    const { confirmed } = await this.request('confirm-drops', { copies })
    return new Set(drops.filter((_, index) => confirmed[index] !== true))
  }

  async #carryOut(tasks: readonly Task[]): Promise<void> {
    const { answer } = this
    if (answer === undefined) return
    const refused = await this.#refusedDrops(tasks)
    const outcomes = tasks.map((task) => ({
      task,
      error: answer(task) ?? (refused.has(task) ? 'STILL_NEEDED' : undefined),
    }))
    const done = outcomes.filter(({ error }) => error === undefined)
    const changes = done.flatMap(({ task }) => this.#changesOf(task))
    if (changes.length > 0) await this.announceNow(...changes)
    await this.request('report', {
      outcomes: outcomes.map(({ task: { taskId }, error }) =>
        typeof error === 'object'
          ? { taskId, ...error }
          : { taskId, ...(error !== undefined && { error }) },
      ),
    })
  }
}
