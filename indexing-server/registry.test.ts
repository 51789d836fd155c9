import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { BackgroundWork } from '../common/background.ts'
import { Connection } from '../common/protocol/connection.ts'
import { wireOf } from '../common/protocol/transport.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { probeMs } from './claims.ts'
import { Registry } from './registry.ts'
import { codeOf, contentOf, IndexCluster, statesOf } from './testing/index-cluster.ts'

test('an index that was suspended considers no peer dead', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await cluster.advance(2_000)
  const { clock } = cluster
  const monotonicMs = clock.monotonicMs.bind(clock)
  clock.monotonicMs = () => monotonicMs() + 90_000
  await clock.advance(3_000)
  expect(await statesOf(peer1)).toEqual({ peer1: 'live' })
})

test('a peer that is heard right after the index stood still was not silent for less than nothing', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await cluster.advance(2_000)
  const { clock } = cluster
  const monotonicMs = clock.monotonicMs.bind(clock)
  clock.monotonicMs = () => monotonicMs() + 90_000
  await peer1.ask('heartbeat', { freeBytes: 1 })
  await clock.advance(3_000)
  const { peers } = await peer1.ask('peers', { limit: 1 })
  expect(peers[0]?.silentMs).toBeGreaterThanOrEqual(0)
})

test('a heartbeat says how busy a peer is, which others are told; it is forgotten when the peer is gone', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await cluster.advance(5_000)
  const { cursor } = await peer2.ask('await-changes', {})
  const waiting = peer2.ask('await-changes', { after: cursor })
  const load = { uploadBytesPerSecond: 7, downloadBytesPerSecond: 0 }
  await peer1.ask('heartbeat', { freeBytes: 5, diskBytes: 9, ...load })
  const listed = async (): Promise<unknown> => (await peer2.ask('peers', { limit: 1 })).peers[0]
  expect(await listed()).toMatchObject({ diskBytes: 9, ...load })
  await cluster.advance(1_000)
  expect((await waiting).topics).toEqual(['peers'])
  peer1.crash()
  await cluster.advance(5_000)
  expect(await listed()).not.toHaveProperty('uploadBytesPerSecond')
})

test('peers are listed page by page', async () => {
  await using cluster = await IndexCluster.start()
  const peer2 = await cluster.peer('peer2', { zone: 'b', freeBytes: 5 })
  await cluster.peer('peer1')
  await peer2.shares('a', 'four')
  const first = await peer2.ask('peers', { limit: 1 })
  expect(first).toMatchObject({ peers: [{ peerId: 'peer1' }], next: 'peer1' })
  expect(await peer2.ask('peers', { limit: 1, after: 'peer1' })).toMatchObject({
    peers: [{ peerId: 'peer2', zone: 'b', freeBytes: 5, copies: 1, bytes: 4, state: 'live' }],
  })
})

test('peers with the longest hosts and zones still fit into pages', async () => {
  await using cluster = await IndexCluster.start()
  const longest = '\u0001'.repeat(253)
  const ids = Array.from({ length: 350 }, (_, index) => `p${String(index).padStart(3, '0')}`)
  for (const peerId of ids) await cluster.peer(peerId, { host: longest, zone: longest })
  const asker = await cluster.peer('asker')
  const first = await asker.ask('peers', { limit: 500 })
  const rest = await asker.ask('peers', { limit: 500, after: first.next ?? '' })
  const listed = [...first.peers, ...rest.peers].map(({ peerId }) => peerId)
  expect(listed).toEqual(['asker', ...ids])
})

const epochOfCopy = 'a'.repeat(16)

test('an id that a process holds is taken for as long as that process answers', async () => {
  await using cluster = await IndexCluster.start()
  const old = await cluster.peer('peer1')
  expect(await codeOf(cluster.peer('peer1', { epoch: epochOfCopy }))).toBe('PEER_ID_TAKEN')
  // Not even a copy of the running machine disturbs it.
  expect(await codeOf(cluster.peer('peer1'))).toBe('PEER_ID_TAKEN')
  expect(old.isOpen).toBe(true)

  old.hang()
  const startMs = cluster.clock.monotonicMs()
  const again = await cluster.peer('peer1', { epoch: 'b'.repeat(16) })
  expect(cluster.clock.monotonicMs() - startMs).toBeLessThanOrEqual(probeMs + 10)
  await cluster.advance(10)
  expect([again.isOpen, old.isOpen]).toEqual([true, false])
  expect(await codeOf(cluster.peer('Nul'))).toBe('PEER_ID_INVALID')
})

test('a copy that was refused does not slip in while the connection of the other is lost', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const copy = (): Promise<unknown> => codeOf(cluster.peer('peer1', { epoch: epochOfCopy }))
  for (let attempt = 0; attempt < 5; attempt++) expect(await copy()).toBe('PEER_ID_TAKEN')
  peer1.crash()
  await cluster.advance(30_000)
  expect(await copy()).toBe('PEER_ID_TAKEN')
  await peer1.connect()
  peer1.crash()
  await cluster.advance(61_000)
  expect(await copy()).toBe('ok')
})

test('of processes that say hello together with one id one has it', async () => {
  await using cluster = await IndexCluster.start()
  const epochs = ['a', 'b', 'c'].map((letter) => letter.repeat(16))
  const codes = await Promise.all(epochs.map((epoch) => codeOf(cluster.peer('peer1', { epoch }))))
  expect(codes).toEqual(['ok', 'PEER_ID_TAKEN', 'PEER_ID_TAKEN'])
})

test('a lost connection makes a peer suspect, silence dead, and only then is it repaired', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  const peer3 = await cluster.peer('peer3')
  peer1.crash()
  await cluster.advance(30_000)
  expect(await statesOf(peer2)).toMatchObject({ peer1: 'suspect', peer2: 'live' })
  const { contents } = await peer2.ask('lookup', { name: 'a' })
  expect(contents[0]?.sources.map(({ peerId }) => peerId)).toEqual(['peer2', 'peer1'])
  expect(peer3.tasks).toEqual([])

  await cluster.advance(32_000)
  expect(await statesOf(peer2)).toMatchObject({ peer1: 'dead' })
  await cluster.advance(3_000)
  expect(peer3.tasks).toMatchObject([{ kind: 'replicate', name: 'a', owner: 'peer1' }])
  const healed = await peer2.ask('lookup', { name: 'a' })
  expect(healed.contents[0]?.sources.map(({ peerId }) => peerId)).toEqual(['peer2', 'peer3'])
})

test('a peer that leaves is immediately no source, but its copies are repaired only later', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  const peer3 = await cluster.peer('peer3')
  peer1.hang()
  await peer1.ask('leave', {})
  peer1.crash()
  const { contents } = await peer2.ask('lookup', { name: 'a' })
  expect(contents[0]?.sources.map(({ peerId }) => peerId)).toEqual(['peer2'])
  await cluster.advance(50_000)
  expect(peer3.tasks).toEqual([])
  await cluster.advance(15_000)
  expect(peer3.tasks).toHaveLength(1)
})

test('a peer that leaves for good is replaced immediately, and is welcome when it returns', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  const peer3 = await cluster.peer('peer3')
  peer1.hang()
  await peer1.ask('leave', { forGood: true })
  // A message that was on its way does not make it live again.
  await peer1.ask('heartbeat', { freeBytes: 1 })
  expect(await statesOf(peer2)).toMatchObject({ peer1: 'dead' })
  await cluster.advance(3_000)
  expect(peer3.tasks).toHaveLength(1)
  peer1.crash()
  await peer1.connect()
  expect(await statesOf(peer2)).toMatchObject({ peer1: 'live' })
})

test('half of the peers may leave for good: the brake is for failures', async () => {
  await using cluster = await IndexCluster.start()
  const peers = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  const leaving = [await cluster.peer('peer3'), await cluster.peer('peer4')]
  for (const peer of leaving) {
    await peer.shares(peer.peerId)
    await cluster.advance(3_000)
  }
  for (const peer of leaving) await peer.ask('leave', { forGood: true })
  await cluster.advance(5_000)
  const status = await peers[0]?.ask('status', {})
  expect(status).toMatchObject({ peers: { live: 2, dead: 2 } })
  expect(status?.brake).toBeUndefined()
})

test('a death is recorded beside what others announce, and outlives the index', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start({ data: folder.path, commitDelayMs: 1_000 })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  peer1.crash()
  let announced: unknown = 'ok'
  for (let second = 0; second < 62; second++) {
    const announcing = codeOf(peer2.announceNow({ name: `b${second}`, text: 'b' }))
    await cluster.advance(1_000)
    announced = announced === 'ok' ? await cluster.run(announcing) : announced
  }
  expect(announced).toBe('ok')
  expect(await statesOf(peer2)).toEqual({ peer1: 'dead', peer2: 'live' })

  await cluster.stopIndex()
  await cluster.startIndex()
  await peer2.connect()
  expect(peer2.seenSeq).toBe(62)
  expect(await statesOf(peer2)).toEqual({ peer1: 'dead', peer2: 'live' })
})

test('a silent connection is suspect after two heartbeats and closed when the peer is dead', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer1.hang()
  await cluster.advance(21_000)
  expect(await statesOf(peer2)).toMatchObject({ peer1: 'suspect' })
  expect(peer1.isOpen).toBe(true)
  await cluster.advance(40_000)
  expect(peer1.isOpen).toBe(false)
})

test('a registry full of peers that came, held nothing and died has room for others', async () => {
  const clock = new FakeClock()
  await using background = new BackgroundWork({ log: silentLog })
  const holdingsOf = new Map([['holder', { copies: 1, bytes: 1, replicas: 0, replicaBytes: 0 }]])
  const forgotten: string[] = []
  const registry = new Registry(
    { heartbeatMs: 10_000, deadAfterMs: 60_000, peersMax: 3 },
    {
      plans: { isDraining: () => false, maintenanceLeftMs: () => undefined },
      isDistrusted: () => false,
      store: {
        peers: async () => [],
        register: async ({ peerId }) => ({
          seenSeq: 0,
          holdings: holdingsOf.get(peerId) ?? { copies: 0, bytes: 0, replicas: 0, replicaBytes: 0 },
        }),
        identityOf: async () => undefined,
        releaseIdentity: async () => false,
        recordGone: async () => {},
        forgetPeer: async (peerId) => {
          forgotten.push(peerId)
        },
      },
      listener: { onPeerChange: () => {}, onRegistered: () => {}, onAccusations: () => {} },
      background,
      clock,
      log: silentLog,
      random: seededRandom('registry'),
      dialBack: async () => {},
      takeRelease: async () => false,
    },
  )
  await registry.load()
  const connectionOf = (): Connection =>
    new Connection(
      { remote: { host: 'h', port: 1 } },
      {
        wire: wireOf(new PassThrough()),
        dispatch: () => ({
          bytes: 0,
          replyBytes: 0,
          isQuick: false,
          run: async () => ({ reply: {} }),
        }),
        clock,
        log: silentLog,
      },
    )
  const register = async (peerId: string, connection = connectionOf()): Promise<unknown> => {
    const registration = { epoch: '0123456789abcdef', port: 1, freeBytes: 1 }
    const hello = { protocol: 'tandem/1', role: 'peer' as const, peerId, registration }
    return await codeOf(registry.register(hello, connection))
  }
  const gone = connectionOf()
  gone.destroy()
  expect(await register('holder')).toBe('ok')
  expect(await register('idle')).toBe('ok')
  expect(await register('hung-up', gone)).toBe('CONNECTION_CLOSED')
  expect(await register('new')).toBe('ok')
  expect(forgotten).toEqual([])
  expect(await register('newer')).toBe('REGISTRY_FULL')
  await clock.advance(61_000)
  expect(await register('newer')).toBe('ok')
  expect(await register('newest')).toBe('ok')
  expect(forgotten).toEqual(['idle', 'new'])
  expect(registry.list(undefined, 10).map(({ peerId }) => peerId)).toEqual([
    'holder',
    'newer',
    'newest',
  ])
})

test('a peer that cannot be dialled back is told so, is not a source, takes no copies, and recovers', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const asker = await cluster.peer('peer2', { freeBytes: 0 })
  await owner.shares('a')
  cluster.unreachable.add('peer3')
  const peer3 = await cluster.peer('peer3')
  await peer3.announce({ kind: 'downloaded', name: 'a', text: 'a' })
  await cluster.advance(10_000)
  expect(peer3.reached).toEqual([expect.stringContaining('no route')])
  expect(peer3.tasks).toEqual([])
  const { peers } = await asker.ask('peers', { limit: 10 })
  expect(peers.at(-1)).toMatchObject({ state: 'unreachable' })
  expect(peers.at(-1)?.unreachable).toContain('no route')
  const { contents } = await asker.ask('lookup', { name: 'a' })
  expect(contents[0]?.sources.map(({ peerId }) => peerId)).toEqual(['peer1'])
  const why = await asker.ask('why', { name: 'a' })
  expect(why.contents[0]?.copies).toContainEqual(
    expect.objectContaining({ peerId: 'peer3', state: 'unreachable' }),
  )
  expect(await asker.ask('status', {})).toMatchObject({
    belowFactor: 1,
    peers: { live: 2, unreachable: 1 },
  })

  cluster.unreachable.clear()
  await cluster.advance(60_000)
  expect(peer3.reached.at(-1)).toBeUndefined()
  expect(await statesOf(asker)).toMatchObject({ peer3: 'live' })
  expect(await asker.ask('status', {})).toMatchObject({ belowFactor: 0 })
})

test('a peer is dialled again when others cannot connect to it, and counts until that has lasted', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await owner.shares('a')
  await cluster.advance(5_000)
  expect(await owner.ask('status', {})).toMatchObject({ belowFactor: 0 })
  await owner.ask('unreached', { peerId: 'peer2' })
  await cluster.advance(1_000)
  expect(await statesOf(owner)).toMatchObject({ peer2: 'live' })

  cluster.unreachable.add('peer2')
  await cluster.advance(5_000)
  await owner.ask('unreached', { peerId: 'peer2' })
  await cluster.advance(5_000)
  expect(await statesOf(owner)).toMatchObject({ peer2: 'unreachable' })
  expect(await owner.ask('status', {})).toMatchObject({ belowFactor: 0 })
  await cluster.peer('peer3', { freeBytes: 0 })
  await cluster.advance(62_000)
  expect(await owner.ask('status', {})).toMatchObject({ belowFactor: 1 })
  expect(peer2.isOpen).toBe(true)
})

test('an id that is taken up again needs the secret that it was bound to', async () => {
  await using cluster = await IndexCluster.start()
  const [own, strangers] = ['1'.repeat(64), '2'.repeat(64)]
  const peer1 = await cluster.peer('peer1', { identity: own })
  await peer1.shares('a')
  const steal = (identity?: string): Promise<unknown> =>
    codeOf(cluster.peer('peer1', { epoch: epochOfCopy, ...(identity && { identity }) }))
  expect([await steal(strangers), await steal()]).toEqual(['PEER_ID_BOUND', 'PEER_ID_BOUND'])
  expect(peer1.isOpen).toBe(true)
  peer1.crash()
  expect([await steal(strangers), await steal()]).toEqual(['PEER_ID_BOUND', 'PEER_ID_BOUND'])
  await cluster.advance(62_000)
  expect(await steal(strangers)).toBe('PEER_ID_BOUND')
  expect(await steal(own)).toBe('ok')
})

test('the id of a dead peer that held and owned nothing is free', async () => {
  await using cluster = await IndexCluster.start()
  const [first, second] = ['1'.repeat(64), '2'.repeat(64)]
  const peer1 = await cluster.peer('peer1', { identity: first })
  peer1.crash()
  expect(await codeOf(cluster.peer('peer1', { identity: second }))).toBe('PEER_ID_BOUND')
  await cluster.advance(62_000)
  expect(await codeOf(cluster.peer('peer1', { identity: second }))).toBe('ok')
})

test('a file from the future is as new as one of now', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1', { freeBytes: 0 })
  const peer2 = await cluster.peer('peer2', { freeBytes: 0 })
  const nowMs = cluster.clock.nowMs()
  await peer1.announce({ name: 'a', text: 'future', modifiedMs: Date.UTC(2300, 0, 1) })
  await cluster.advance(10_000)
  await peer2.announce({ name: 'a', text: 'later', modifiedMs: Math.floor(nowMs + 10_000) })
  const { contents } = await peer1.ask('lookup', { name: 'a' })
  expect(contents.map(({ sha256 }) => sha256)).toEqual(
    ['later', 'future'].map((text) => contentOf(text).sha256),
  )
})

test('a certificate decides whose an id is, whatever secret it was bound to', async () => {
  await using cluster = await IndexCluster.start()
  const [first, second] = ['1'.repeat(64), '2'.repeat(64)]
  const peer1 = await cluster.peer('peer1', { identity: first })
  await peer1.shares('a')
  peer1.crash()
  const proven = { role: 'peer', id: 'peer1', generation: 2, isAuthority: false } as const
  cluster.proven.push(proven)
  const again = { epoch: epochOfCopy, identity: second }
  const other = await cluster.peer('peer1', again)
  other.crash()
  cluster.proven.push({ ...proven, generation: 3 })
  expect(await codeOf(cluster.peer('peer1', { ...again, identity: first }))).toBe('ok')
})

test('two members have a peer listed last, wherever they connect from', async () => {
  await using cluster = await IndexCluster.start()
  const ids = ['peer1', 'peer2', 'peer3']
  for (const id of ids) cluster.proven.push({ role: 'peer', id, generation: 1, isAuthority: false })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const peer3 = await cluster.peer('peer3')
  await peer1.shares('a')
  await peer2.shares('a')
  const order = async (): Promise<string[]> => {
    const { contents } = await peer3.ask('lookup', { name: 'a' })
    return (contents[0]?.sources ?? []).map(({ peerId }) => peerId)
  }
  const { sha256 } = contentOf('none')
  for (let times = 0; times < 3; times++) await peer2.ask('accuse', { peerId: 'peer1', sha256 })
  expect(await order()).toEqual(['peer1', 'peer2'])
  await peer3.ask('accuse', { peerId: 'peer1', sha256 })
  expect(await order()).toEqual(['peer2', 'peer1'])
})
