import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Change } from '../../common/protocol/messages.ts'
import { systemRandom } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { faultsIn } from '../testing/recount.ts'
import { SqliteStore } from './sqlite-store.ts'
import { epoch, hashOf, registration } from './store-fixture-contract.ts'

const peers = ['a', 'b', 'c'] as const
const names = ['x', 'y', 'folder/z', 'folder/w'] as const

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

const someStep = fc.record({
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
    'refused',
    'reopen',
  ),
  peerId: fc.constantFrom(...peers),
  name: fc.constantFrom(...names),
  changes: fc.array(someChange, { minLength: 1, maxLength: 5 }),
  passMs: fc.constantFrom(0, 0, 100_000),
})
type SomeStep = typeof someStep extends fc.Arbitrary<infer T> ? T : never

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
async function aWorld() {
  const clock = new FakeClock()
  let database: Database | undefined
  const open = (path: string, options: Parameters<typeof openDatabase>[1]): Database => {
    const image = database?.serialize()
    database?.close()
    return (database = openDatabase(path, { ...options, ...(image && { image }) }))
  }
  const aStore = (): SqliteStore =>
    new SqliteStore({ path: ':memory:', commitDelayMs: 0 }, { clock, random: systemRandom, open })
  let store = aStore()
  const seen = new Map<string, number>()
  const commit = async <T>(write: Promise<T>): Promise<T> => {
    const [result] = await Promise.all([write, clock.advance(0)])
    return result
  }
  for (const peerId of peers) await commit(store.register(registration(peerId)))

  async function announce(peerId: string, changes: Change[], isInventory: boolean): Promise<void> {
    const isFull = isInventory || !seen.has(peerId)
    const previousSeq = isFull ? 0 : (seen.get(peerId) ?? 0)
    const lastSeq = previousSeq + changes.length
    const numbers = { peerId, epoch, previousSeq, lastSeq, changes }
    await commit(store.announce({ ...numbers, ...(isFull && { begin: true, end: true }) }))
    seen.set(peerId, lastSeq)
  }

  /** Announces what is applied, and then refused with all that it changed. */
  async function refused(peerId: string, changes: Change[]): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const bad = { ...first, op: 'put', kind: 'shared', size: 0.5 } as Change
    const all = { peerId, epoch, previousSeq: 0, lastSeq: 9, changes: [...changes, bad] }
    const hash = { sha256: hashOf('never'), chunkRoot: hashOf('never'), modifiedMs: 1 }
    all.changes[all.changes.length - 1] = { ...bad, ...hash } as Change
    await expect(commit(store.announce({ ...all, begin: true, end: true }))).rejects.toThrow('REAL')
  }

  async function forget(peerId: string): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined; )
      after = (await commit(store.forgetCopies(peerId, 2))).next
    for (let after: string | undefined = ''; after !== undefined; )
      after = (await commit(store.forgetFiles(peerId, after, 2))).next
    await commit(store.forgetPeer(peerId, { releasesId: true }))
    await commit(store.register(registration(peerId)))
    seen.delete(peerId)
  }

  async function run(step: SomeStep): Promise<void> {
    const { peerId, name, passMs } = step
    const changes = step.changes.flatMap((change) => changeOf(peerId, change))
    const file = { owner: peerId, name }
    await clock.advance(passMs)
    if (step.do === 'announce') await announce(peerId, changes, false)
    else if (step.do === 'inventory') await announce(peerId, changes, true)
    else if (step.do === 'share') await commit(store.share(file))
    else if (step.do === 'purge') await commit(store.purgeTrash([file]))
    else if (step.do === 'forget') await forget(peerId)
    else if (step.do === 'refused') await refused(peerId, changes)
    else if (step.do === 'reopen') store = aStore()
    else {
      const versions = await store.versionsOf(file)
      const replaced = versions.filter(({ replacedMs }) => replacedMs !== undefined)
      await commit(
        store.forgetReplaced(
          file,
          replaced.map(({ content }) => content.contentId),
        ),
      )
    }
  }

  return {
    run,
    faults: () => (database === undefined ? [] : faultsIn(database)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

test('after any history all counters equal a recount, and no row is left over', async () => {
  const histories = fc.asyncProperty(fc.array(someStep, { maxLength: 25 }), async (steps) => {
    await using world = await aWorld()
    for (const step of steps) {
      await world.run(step)
      expect(world.faults()).toEqual([])
    }
  })
  await fc.assert(histories, { numRuns: 60 })
}, 60_000)
