import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Change } from '../../common/protocol/messages.ts'
import { systemRandom } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { fileKeyText } from '../store/file-key.ts'
import { SqliteStore } from '../store/sqlite-store.ts'
import type { FileKey, Touched } from '../store/store.ts'
import { epoch, hashOf, registration } from '../store/store-fixture-contract.ts'
import { faultsIn } from './recount.ts'

/** Random histories of a store: what peers announce, and what is decided about their files. */
export const peers = ['a', 'b', 'c'] as const
export const names = ['x', 'y', 'folder/z', 'folder/w'] as const

/** A change of some peer; it is made complete when it is announced. */
const someChange = fc.record({
  op: fc.constantFrom(
    'put',
    'put',
    'put',
    'put',
    'drop',
    'unshare',
    'delete',
    'rename',
    'withdraw',
  ),
  kind: fc.constantFrom('shared', 'shared', 'replicated', 'replicated', 'downloaded'),
  name: fc.constantFrom(...names),
  other: fc.constantFrom(...names),
  owner: fc.constantFrom(...peers, 'unknown'),
  text: fc.constantFrom('', 'one', 'two', 'three'),
  isVersion: fc.boolean(),
  isDamaged: fc.nat(9).map((n) => n === 0),
  modifiedMs: fc.nat(20),
})
type SomeChange = typeof someChange extends fc.Arbitrary<infer T> ? T : never

/** What another index has decided about a file; see intent-kinds.ts. */
const decided = {
  deleted: { kind: 'trash', value: { isKept: false } },
  kept: { kind: 'trash', value: { isKept: true } },
  back: { kind: 'trash', value: null },
  unshared: { kind: 'unshared', value: true },
  shared: { kind: 'unshared', value: null },
} as const
type ElsewhereDecided = keyof typeof decided

export const someStep = fc.record({
  do: fc.constantFrom(
    'announce',
    'announce',
    'announce',
    'announce',
    'inventory',
    'share',
    'purge',
    'forgetReplaced',
    'forget',
    'forgetGone',
    'decided',
    'decided',
    'refused',
    'reopen',
  ),
  decision: fc.constantFrom<ElsewhereDecided>('deleted', 'kept', 'back', 'unshared', 'shared'),
  peerId: fc.constantFrom(...peers),
  name: fc.constantFrom(...names),
  changes: fc.array(someChange, { minLength: 1, maxLength: 5 }),
  passMs: fc.constantFrom(0, 0, 100_000),
})
export type SomeStep = typeof someStep extends fc.Arbitrary<infer T> ? T : never

function changeOf(
  peerId: string,
  { op, kind, name, other, owner, text, isVersion, isDamaged, modifiedMs }: SomeChange,
): Change[] {
  if (op === 'unshare') return [{ op, seq: 1, name }]
  const removal = { op: 'remove', seq: 1, name, removedMs: 1 } as const
  if (op === 'delete') return [{ ...removal, reason: 'deleted' }]
  if (op === 'withdraw') return [{ ...removal, reason: 'withdrawn' }]
  if (op === 'rename')
    return other === name ? [] : [{ ...removal, reason: 'renamed', renamedTo: other }]
  if (kind === 'replicated' && owner === peerId) return []
  const sha256 = hashOf(text)
  const ofReplica = { owner, ...(isVersion && { version: sha256 }) }
  const key = { seq: 1, kind, name, ...(kind === 'replicated' && ofReplica) } as const
  if (op === 'drop') return [{ op, ...key }]
  const content = { sha256, size: text.length, chunkRoot: sha256 }
  return [{ op: 'put', ...key, ...content, modifiedMs, ...(isDamaged && { damaged: true }) }]
}

/** A store and its peers, which it changes step by step. */
export class StoreWorld implements AsyncDisposable {
  readonly #clock = new FakeClock()
  readonly #onTouched: (touched: Touched) => void
  #database: Database | undefined
  #store: SqliteStore
  readonly #seen = new Map<string, number>()
  #decisions = 0

  private constructor(onTouched: (touched: Touched) => void) {
    this.#onTouched = onTouched
    this.#store = this.#openStore()
  }

  /** @param onTouched told of each write */
  static async create(onTouched: (touched: Touched) => void = () => {}): Promise<StoreWorld> {
    const world = new StoreWorld(onTouched)
    for (const peerId of peers) await world.#commit(world.store.register(registration(peerId)))
    return world
  }

  get store(): SqliteStore {
    return this.#store
  }

  /** What a recount finds to be wrong. */
  faults(): unknown[] {
    return this.#database === undefined ? [] : faultsIn(this.#database)
  }

  async run(step: SomeStep): Promise<void> {
    const { peerId, name, passMs, decision } = step
    const changes = step.changes.flatMap((change) => changeOf(peerId, change))
    const file = { owner: peerId, name }
    await this.#clock.advance(passMs)
    if (step.do === 'announce') await this.#announce(peerId, changes, false)
    else if (step.do === 'inventory') await this.#announce(peerId, changes, true)
    else if (step.do === 'share') await this.#commit(this.store.share(file))
    else if (step.do === 'purge') await this.#commit(this.store.purgeTrash([file]))
    else if (step.do === 'forget') await this.#forget(peerId)
    else if (step.do === 'forgetGone') await this.#forgetGone()
    else if (step.do === 'decided') await this.#decided(file, decision)
    else if (step.do === 'refused') await this.#refused(peerId, changes)
    else if (step.do === 'reopen') this.#store = this.#openStore()
    else await this.#forgetReplaced(file)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store[Symbol.asyncDispose]()
  }

  #openStore(): SqliteStore {
    const open = (path: string, options: Parameters<typeof openDatabase>[1]): Database => {
      const image = this.#database?.serialize()
      this.#database?.close()
      this.#database = openDatabase(path, { ...options, ...(image && { image }) })
      return this.#database
    }
    const hashIndex = { keptMax: 3, movedMin: 1, filterMin: 4, readPerWrite: 2 }
    const options = { path: ':memory:', commitDelayMs: 0, hashIndex }
    return new SqliteStore(options, { clock: this.#clock, random: systemRandom, open })
  }

  async #commit<T>(write: Promise<T>): Promise<T> {
    const [result] = await Promise.all([write, this.#clock.advance(0)])
    if (isTouched(result)) this.#onTouched(result)
    return result
  }

  async #announce(peerId: string, changes: Change[], isInventory: boolean): Promise<void> {
    const isFull = isInventory || !this.#seen.has(peerId)
    const previousSeq = isFull ? 0 : (this.#seen.get(peerId) ?? 0)
    const lastSeq = previousSeq + changes.length
    const numbers = { peerId, epoch, previousSeq, lastSeq, changes }
    const ends = isFull && { begin: true, end: true }
    await this.#commit(this.store.announce({ ...numbers, ...ends }))
    this.#seen.set(peerId, lastSeq)
  }

  /** Announces what is applied, and then refused with all that it changed. */
  async #refused(peerId: string, changes: Change[]): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const bad = { ...first, op: 'put', kind: 'shared', size: 0.5 } as Change
    const all = { peerId, epoch, previousSeq: 0, lastSeq: 9, changes: [...changes, bad] }
    const hash = { sha256: hashOf('never'), chunkRoot: hashOf('never'), modifiedMs: 1 }
    all.changes[all.changes.length - 1] = { ...bad, ...hash } as Change
    const announced = this.store.announce({ ...all, begin: true, end: true })
    await assert.rejects(this.#commit(announced), /REAL/)
  }

  async #forget(peerId: string): Promise<void> {
    const { store } = this
    for (let after: string | undefined = ''; after !== undefined; )
      after = (await this.#commit(store.forgetCopies(peerId, 2))).next
    for (let after: string | undefined = ''; after !== undefined; )
      after = (await this.#commit(store.forgetFiles(peerId, after, 2))).next
    await this.#commit(store.forgetPeer(peerId, { releasesId: true }))
    await this.#commit(store.register(registration(peerId)))
    this.#seen.delete(peerId)
  }

  async #forgetGone(): Promise<void> {
    const after = { owner: '', name: '', goneMs: 0 }
    const page = { beforeMs: Math.floor(this.#clock.nowMs()), after, limit: 100 }
    await this.#commit(this.store.forgetGone(page))
  }

  /** Later than all decisions before it. */
  async #decided(file: FileKey, decision: ElsewhereDecided): Promise<void> {
    this.#decisions += 1
    const changedMs = Math.floor(this.#clock.nowMs()) + this.#decisions
    const record = { ...decided[decision], key: fileKeyText(file), changedMs }
    await this.#commit(this.store.mergeIntent([record]))
  }

  async #forgetReplaced(file: FileKey): Promise<void> {
    const versions = await this.store.versionsOf(file)
    const replaced = versions.filter(({ replacedMs }) => replacedMs !== undefined)
    const contentIds = replaced.map(({ content }) => content.contentId)
    await this.#commit(this.store.forgetReplaced(file, contentIds))
  }
}

function isTouched(result: unknown): result is Touched {
  return typeof result === 'object' && result !== null && 'contentIds' in result
}
