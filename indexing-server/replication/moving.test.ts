import { describe, expect, test } from 'vitest'
import type { ExplainedContent } from '../../common/protocol/messages.ts'
import { IndexCluster, type TestPeer } from '../testing/index-cluster.ts'

const trimAfterMs = 60_000
const settings = { trimAfterMs } as const

const tasksOf = (kind: 'replicate' | 'drop', { tasks }: TestPeer): string[] =>
  tasks.flatMap((task) => (task.kind === kind ? [task.name] : []))
const copiesOn = (peer: TestPeer): string[] => tasksOf('replicate', peer)
const dropsOn = (peer: TestPeer): string[] => tasksOf('drop', peer)

async function explained(asker: TestPeer, name = 'a'): Promise<ExplainedContent> {
  const { contents } = await asker.ask('why', { name })
  const [content] = contents
  if (content === undefined) throw new Error('nothing is explained')
  return content
}

async function holdersOf(asker: TestPeer, name = 'a'): Promise<string[]> {
  const { copies } = await explained(asker, name)
  return copies.map(({ peerId }) => peerId).toSorted()
}

const files = (count: number, bytes = 1_000) =>
  Array.from({ length: count }, (_, i) => ({ name: `f${i}`, text: `${i}`.padEnd(bytes, '.') }))

/** An owner and a keeper in zone x, each file on both. */
async function inOneZone(names: readonly { name: string; text: string }[], options = {}) {
  const cluster = await IndexCluster.start({ ...settings, ...options })
  const owner = await cluster.peer('peer1', { zone: 'x' })
  const near = await cluster.peer('peer2', { zone: 'x' })
  await owner.announce(...names)
  await cluster.advance(10_000)
  expect(copiesOn(near)).toHaveLength(names.length)
  return { cluster, owner, near }
}

describe('a content whose copies are all in one zone', () => {
  test('moves when a peer of another zone has stayed for a while: copy first, then drop', async () => {
    const { cluster, owner, near } = await inOneZone([{ name: 'a', text: 'a' }])
    await using _cluster = cluster
    const far = await cluster.peer('peer3', { zone: 'y' })
    await cluster.advance(trimAfterMs - 10_000)
    expect(copiesOn(far)).toEqual([])
    far.answer = undefined
    await cluster.advance(20_000)
    expect(copiesOn(far)).toEqual(['a'])
    expect(dropsOn(near)).toEqual([])
    expect(await explained(owner)).toMatchObject({
      missing: [],
      moving: 'a replica moves from peer2 to peer3, in another zone: it is copied first',
    })
    expect(await owner.ask('status', {})).toMatchObject({
      atFactor: 1,
      belowFactor: 0,
      tasks: { waiting: 0 },
      moving: { zone: 1, balance: 0 },
    })
    far.answer = () => undefined
    far.crash()
    await far.connect()
    await cluster.advance(3 * trimAfterMs)
    expect(await holdersOf(owner)).toEqual(['peer1', 'peer3'])
    expect(dropsOn(near)).toEqual(['a'])
    expect(await owner.ask('status', {})).not.toHaveProperty('moving')
    // Nothing moves back.
    const asked = [owner, near, far].map(({ tasks }) => tasks.length)
    await cluster.advance(20 * trimAfterMs)
    expect([owner, near, far].map(({ tasks }) => tasks.length)).toEqual(asked)
  })

  test('stays when no replica could be dropped, or the other zone has no room', async () => {
    const cluster = await IndexCluster.start(settings)
    await using _cluster = cluster
    const owner = await cluster.peer('peer1', { zone: 'x' })
    const user = await cluster.peer('peer2', { zone: 'x' })
    await owner.shares('a')
    await user.announce({ kind: 'downloaded', name: 'a', text: 'a' })
    const far = await cluster.peer('peer3', { zone: 'y' })
    await cluster.advance(5 * trimAfterMs)
    expect(far.tasks).toEqual([])
  })

  test('is found again when the other zone has room', async () => {
    const { cluster, owner } = await inOneZone([{ name: 'a', text: 'a' }])
    await using _cluster = cluster
    const far = await cluster.peer('peer3', { zone: 'y', freeBytes: 0 })
    await cluster.advance(5 * trimAfterMs)
    expect(far.tasks).toEqual([])
    far.freeBytes = 1_000_000
    for (let minutes = 0; minutes < 62; minutes++) await cluster.advance(60_000)
    expect(await holdersOf(owner)).toEqual(['peer1', 'peer3'])
  })

  test('a peer that leaves in the middle of a move costs nothing, and the move is made later', async () => {
    const { cluster, owner, near } = await inOneZone([{ name: 'a', text: 'a' }])
    await using _cluster = cluster
    const far = await cluster.peer('peer3', { zone: 'y' })
    far.answer = undefined
    await cluster.advance(2 * trimAfterMs)
    expect(copiesOn(far)).toEqual(['a'])
    far.crash()
    await cluster.advance(3 * trimAfterMs)
    expect(await holdersOf(owner)).toEqual(['peer1', 'peer2'])
    expect(dropsOn(near)).toEqual([])
    far.answer = () => undefined
    await far.connect()
    await cluster.advance(5 * trimAfterMs)
    expect(await holdersOf(owner)).toEqual(['peer1', 'peer3'])
  })

  test('a rate limits how many move at a time', async () => {
    const moveBytesPerSecond = 50_000
    const { cluster, near } = await inOneZone(files(300, 10_000), { moveBytesPerSecond })
    await using _cluster = cluster
    const far = await cluster.peer('peer3', { zone: 'y' })
    await cluster.advance(trimAfterMs + 10_000)
    const early = copiesOn(far).length
    expect(early).toBeGreaterThan(0)
    expect(early).toBeLessThan(80)
    await cluster.advance(100_000)
    expect(copiesOn(far)).toHaveLength(300)
    expect(dropsOn(near)).toHaveLength(300)
  })

  test('missing copies come first', async () => {
    const { cluster, owner, near } = await inOneZone(files(20))
    await using _cluster = cluster
    const far = await cluster.peer('peer3', { zone: 'y' })
    await cluster.advance(trimAfterMs - 15_000)
    // A repair that does not end: nothing moves meanwhile.
    near.answer = undefined
    far.freeBytes = 1_500
    await cluster.advance(1_000)
    await owner.announce({ name: 'new', text: 'n'.repeat(10_000) })
    await cluster.advance(40_000)
    expect(copiesOn(near)).toContain('new')
    expect(copiesOn(far)).toEqual([])
    near.answer = () => undefined
    far.freeBytes = 1_000_000
    await cluster.advance(10 * trimAfterMs)
    expect(copiesOn(far)).toEqual(expect.arrayContaining(files(20).map(({ name }) => name)))
  })
})

describe('a rebalance', () => {
  const room = { freeBytes: 1_000_000 }

  async function aFullCluster(options = {}) {
    const cluster = await IndexCluster.start({ ...settings, ...options })
    const owner = await cluster.peer('peer1', { freeBytes: 10_000_000 })
    const full = await cluster.peer('peer2', room)
    await owner.announce(...files(300, 2_000))
    await cluster.advance(10_000)
    full.freeBytes = 400_000
    const empty = await cluster.peer('peer3', room)
    await cluster.advance(trimAfterMs + 10_000)
    expect(copiesOn(empty)).toEqual([])
    return { cluster, owner, full, empty }
  }

  test('shows its plan and changes nothing', async () => {
    const { cluster, owner, empty } = await aFullCluster()
    await using _cluster = cluster
    const { plan, state } = await owner.ask('rebalance', { action: 'plan' })
    expect(state).toBe('idle')
    expect(plan).toMatchObject({ isPartial: false, flows: [{ from: 'peer2', to: 'peer3' }] })
    expect(plan?.contents).toBeGreaterThan(130)
    expect(plan?.contents).toBeLessThan(170)
    expect(plan?.bytes).toBe((plan?.contents ?? 0) * 2_000)
    await cluster.advance(100_000)
    expect(empty.tasks).toEqual([])
  })

  test('moves replicas until peers are about equally full, and each file keeps its copies', async () => {
    const { cluster, owner, full, empty } = await aFullCluster()
    await using _cluster = cluster
    const { plan } = await owner.ask('rebalance', { action: 'start' })
    expect((await owner.ask('status', {})).rebalance).toMatchObject({
      state: 'running',
      cause: 'command',
    })
    await cluster.advance(2 * trimAfterMs)
    const done = await owner.ask('rebalance', { action: 'show' })
    expect(done).toMatchObject({ state: 'done', movedContents: plan?.contents, leftBytes: 0 })
    expect(dropsOn(full)).toHaveLength(plan?.contents ?? 0)
    expect(copiesOn(empty).toSorted()).toEqual(dropsOn(full).toSorted())
    expect(await owner.ask('status', {})).toMatchObject({ atFactor: 300, belowFactor: 0 })
    expect(await owner.ask('status', {})).not.toHaveProperty('rebalance')
    // A second one finds nothing to do.
    full.freeBytes += plan?.bytes ?? 0
    empty.freeBytes -= plan?.bytes ?? 0
    await cluster.advance(2_000)
    expect((await owner.ask('rebalance', { action: 'start' })).plan).toMatchObject({ contents: 0 })
    const asked = full.tasks.length + empty.tasks.length
    await cluster.advance(5 * trimAfterMs)
    expect(full.tasks.length + empty.tasks.length).toBe(asked)
  })

  test('stops on command: what was copied for it is trimmed', async () => {
    const { cluster, owner, empty } = await aFullCluster({ moveBytesPerSecond: 50_000 })
    await using _cluster = cluster
    await owner.ask('rebalance', { action: 'start' })
    await cluster.advance(4_000)
    const reply = await owner.ask('rebalance', { action: 'stop' })
    expect(reply).toMatchObject({ state: 'stopped' })
    const copied = copiesOn(empty).length
    expect(copied).toBeGreaterThan(0)
    await cluster.advance(5 * trimAfterMs)
    expect(copiesOn(empty)).toHaveLength(copied)
    const status = await owner.ask('status', {})
    expect(status).toMatchObject({ atFactor: 300 })
    expect(status).not.toHaveProperty('aboveFactor')
  })

  test('waits while copies are missing or held, and says so', async () => {
    const { cluster, owner, full, empty } = await aFullCluster({ moveBytesPerSecond: 50_000 })
    await using _cluster = cluster
    full.answer = undefined
    empty.answer = undefined
    await owner.announce({ name: 'new', text: 'n'.repeat(300_000) })
    await cluster.advance(3_000)
    await owner.ask('rebalance', { action: 'start' })
    expect(await owner.ask('rebalance', { action: 'show' })).toMatchObject({
      state: 'waiting',
      waitsFor: 'missing copies are made first',
    })
  })
})
