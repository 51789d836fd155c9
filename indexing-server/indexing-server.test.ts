import { expect, test } from 'vitest'
import { hasCode } from '../common/errors.ts'
import type { Change } from '../common/protocol/messages.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { verifyAgainMs } from './doubts.ts'
import {
  codeOf,
  contentOf,
  IndexCluster,
  statesOf,
  type TestPeer,
} from './testing/index-cluster.ts'

test('a shared file is found by name', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const content = await peer1.shares('a.txt')

  const { contents } = await peer1.ask('lookup', { name: './a.txt' })
  expect(contents).toEqual([
    {
      ...content,
      modifiedMs: 1_000,
      sources: [{ peerId: 'peer1', host: '127.0.0.1', port: 7_100, kind: 'shared' }],
    },
  ])
  expect(await codeOf(peer1.ask('lookup', { name: 'b.txt' }))).toBe('NAME_NOT_FOUND')
  expect(await codeOf(peer1.ask('lookup', { name: '../b' }))).toBe('NAME_INVALID')
})

test('a new file gets its second copy automatically, and lookup shows it', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const content = await peer1.shares('a.txt')
  // The second reply is kept, and must not be what the peer gets later.
  for (let times = 0; times < 2; times += 1) await peer1.ask('lookup', { name: 'a.txt' })
  await cluster.advance(3_000)

  expect(peer2.tasks).toMatchObject([{ kind: 'replicate', owner: 'peer1', name: 'a.txt', content }])
  const { contents } = await peer1.ask('lookup', { name: 'a.txt' })
  expect(contents[0]?.sources.map(({ peerId }) => peerId)).toEqual(['peer1', 'peer2'])
  expect(await peer1.ask('status', {})).toEqual({
    peers: { live: 2, suspect: 0, dead: 0 },
    contents: 1,
    atFactor: 1,
    belowFactor: 0,
    tasks: { waiting: 0, running: 0 },
  })
})

test('all contents of a name are answered, best copied first, then newest', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 1 })
  const peers = await Promise.all(['peer1', 'peer2', 'peer3'].map((id) => cluster.peer(id)))
  const [peer1, peer2, peer3] = peers as [TestPeer, TestPeer, TestPeer]
  await peer1.announce({ name: 'notes', text: 'old', modifiedMs: 1 })
  await peer2.announce({ name: 'notes', text: 'new', modifiedMs: 2 })
  const order = async (): Promise<unknown> =>
    (await peer1.ask('lookup', { name: 'notes' })).contents.map(({ sha256 }) => sha256)
  expect(await order()).toEqual([contentOf('new').sha256, contentOf('old').sha256])

  await peer3.announce({ kind: 'downloaded', name: 'elsewhere', text: 'old' })
  expect(await order()).toEqual([contentOf('old').sha256, contentOf('new').sha256])
})

test('a changed file replaces its old content', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await peer1.shares('a', 'one')
  await peer1.shares('a', 'two')
  const { contents } = await peer1.ask('lookup', { name: 'a' })
  expect(contents.map(({ sha256 }) => sha256)).toEqual([contentOf('two').sha256])
  const { files } = await peer1.ask('search', { query: '', limit: 9 })
  expect(files).toMatchObject([{ name: 'a', sha256: contentOf('two').sha256, copies: 1 }])
})

test('an announcement that does not continue what was seen is refused', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer1')
  const announce = (epoch: string, previousSeq: number, lastSeq: number): Promise<unknown> =>
    peer.ask('announce', { epoch, previousSeq, lastSeq, changes: [] })
  const first = { epoch: peer.epoch, previousSeq: 0, lastSeq: 7, changes: [] }
  expect(await codeOf(announce(peer.epoch, 0, 1))).toBe('SEQUENCE_GAP')
  await peer.ask('announce', { ...first, begin: true, end: true })
  expect(await codeOf(announce(peer.epoch, 6, 8))).toBe('SEQUENCE_GAP')
  expect(await codeOf(announce('0'.repeat(16), 7, 8))).toBe('SEQUENCE_GAP')
  expect(await announce(peer.epoch, 7, 12)).toEqual({ seenSeq: 12 })
})

test('a bad entry is named, and nothing of its announcement is applied', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer1')
  const good: Change = {
    op: 'put',
    seq: 1,
    kind: 'shared',
    name: 'a',
    ...contentOf('a'),
    modifiedMs: 0,
  }
  const rows: [string, object][] = [
    ['changes/1/name', { name: '../a' }],
    ['changes/1/name', { name: 'a\u0000' }],
    ['changes/1/owner', { owner: 'peer2' }],
    ['changes/1/owner', { kind: 'replicated' }],
    ['changes/1/owner', { kind: 'replicated', owner: 'nul' }],
    ['changes/1/chunkRoot', { chunkRoot: contentOf('b').sha256 }],
    ['changes/1/size', { size: 0 }],
  ]
  for (const [path, fields] of rows) {
    const bad = { ...good, seq: 2, ...fields } as Change
    const announcement = { epoch: peer.epoch, previousSeq: 0, lastSeq: 2, changes: [good, bad] }
    const refused = peer.ask('announce', { ...announcement, begin: true, end: true })
    const error: unknown = await refused.catch((caught: unknown) => caught)
    expect(hasCode(error, 'BAD_REQUEST') && error.details['path'], JSON.stringify(fields)).toBe(
      path,
    )
  }
  expect(await codeOf(peer.ask('lookup', { name: 'a' }))).toBe('NAME_NOT_FOUND')
})

test('a full inventory removes what it does not name, and only at its end', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer1')
  await peer.announce({ name: 'kept', text: 'k' }, { kind: 'downloaded', name: 'gone', text: 'g' })
  peer.crash()
  peer.epoch = 'f'.repeat(16)
  await peer.connect()
  expect(peer.seenSeq).toBe(0)
  const kept: Change = {
    op: 'put',
    seq: 3,
    kind: 'shared',
    name: 'kept',
    ...contentOf('k'),
    modifiedMs: 0,
  }
  const { epoch } = peer
  await peer.ask('announce', { epoch, begin: true, previousSeq: 0, lastSeq: 3, changes: [kept] })
  expect(await codeOf(peer.ask('lookup', { name: 'gone' }))).toBe('ok')

  // An unfinished inventory is requested again.
  peer.crash()
  await peer.connect()
  expect(peer.seenSeq).toBe(0)
  await peer.ask('announce', { epoch, begin: true, previousSeq: 0, lastSeq: 3, changes: [kept] })
  await peer.ask('announce', { epoch, end: true, previousSeq: 3, lastSeq: 4, changes: [] })
  expect(await codeOf(peer.ask('lookup', { name: 'gone' }))).toBe('NAME_NOT_FOUND')
  expect(await codeOf(peer.ask('lookup', { name: 'kept' }))).toBe('ok')
  peer.crash()
  await peer.connect()
  expect(peer.seenSeq).toBe(4)
})

test('search pages through parts of names and globs, stable under equal names', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 1 })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const names = Array.from({ length: 7 }, (_, index) => ({ name: `d/File${index}.txt` }))
  await peer1.announce(...names.map(({ name }) => ({ name, text: `1${name}` })))
  await peer2.announce(...names.map(({ name }) => ({ name, text: `2${name}` })))

  const found: string[] = []
  let after: string | undefined
  do {
    const request = { query: 'FILE', limit: 3, ...(after === undefined ? {} : { after }) }
    const page = await peer1.ask('search', request)
    expect(page.files.length).toBeLessThanOrEqual(3)
    found.push(...page.files.map(({ name, sha256, copies }) => `${name} ${sha256} ${copies}`))
    after = page.next
  } while (after !== undefined)
  expect(new Set(found).size).toBe(14)
  expect(found.map((row) => row.slice(0, 11))).toEqual(
    found.map((row) => row.slice(0, 11)).toSorted(),
  )

  const count = async (query: string): Promise<number> =>
    (await peer1.ask('search', { query, limit: 100 })).files.length
  expect(await count('d/*[0-2].txt')).toBe(6)
  expect(await count('*.txt')).toBe(0)
  expect(await count('**/*.txt')).toBe(14)
  expect(await count('')).toBe(14)
  expect(await codeOf(peer1.ask('search', { query: '', limit: 1, after: 'x' }))).toBe('BAD_REQUEST')
})

test('a file that vanishes from its owner stays wanted', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await cluster.peer('peer3')
  await peer1.shares('a')
  await cluster.advance(3_000)
  await peer1.announce({ name: 'a' })
  await cluster.advance(3_000)
  const { contents } = await peer2.ask('lookup', { name: 'a' })
  const kinds = contents.map(({ sources }) => sources.map(({ kind }) => kind))
  expect(kinds).toEqual([['replicated', 'replicated']])
})

test('unshare removes a file, drops its replicas, and survives the index', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start({ data: folder.path })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect(await codeOf(peer2.ask('unshare', { owner: 'peer1', name: 'a' }))).toBe('NOT_OWNER')
  peer2.hang()
  peer2.crash()
  await peer1.ask('unshare', { owner: 'peer1', name: 'a' })
  expect(await codeOf(peer1.ask('lookup', { name: 'a' }))).toBe('NAME_NOT_FOUND')

  await cluster.stopIndex()
  await cluster.startIndex()
  await peer2.connect()
  await peer1.connect()
  await cluster.advance(5_000)
  expect(peer2.tasks.at(-1)).toMatchObject({ kind: 'drop', owner: 'peer1', name: 'a' })
  expect(await peer1.ask('status', {})).toMatchObject({ contents: 0, belowFactor: 0 })

  await peer1.ask('share', { name: 'a' })
  expect(await codeOf(peer1.ask('lookup', { name: 'a' }))).toBe('ok')
})

test('a peer may unshare another peer’s file by force, and its replicas do not restore it', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  peer1.crash()
  await cluster.advance(62_000)
  expect(await codeOf(peer2.ask('unshare', { owner: 'peer1', name: 'b' }))).toBe('NOT_SHARED')
  expect(await codeOf(peer2.ask('unshare', { name: 'a' }))).toBe('NOT_OWNER')
  expect(await peer2.ask('unshare', { name: 'a', force: true })).toEqual({ owners: ['peer1'] })
  await peer1.connect()
  await peer1.announce({ name: 'a', text: 'a, edited' })
  await cluster.advance(3_000)
  expect(await codeOf(peer2.ask('lookup', { name: 'a' }))).toBe('NAME_NOT_FOUND')
  expect(peer2.tasks.map(({ kind }) => kind)).toEqual(['replicate', 'drop'])
})

test('a live owner shares again what another peer unshared by force, with and without other content', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  for (const text of ['a', 'a, edited']) {
    await peer2.ask('unshare', { name: 'a', force: true })
    await peer1.announce({ name: 'a', text })
    expect(await codeOf(peer2.ask('lookup', { name: 'a' }))).toBe('NAME_NOT_FOUND')
    await peer1.ask('share', { name: 'a' })
    expect(await codeOf(peer2.ask('lookup', { name: 'a' }))).toBe('ok')
  }
})

test('an index that restarts with its database is sent nothing twice, and copies nothing', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start({ data: folder.path })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const peer3 = await cluster.peer('peer3')
  await peer1.announce(
    ...Array.from({ length: 20 }, (_, index) => ({ name: `${index}`, text: `${index}` })),
  )
  await cluster.advance(5_000)
  const before = peer2.tasks.length + peer3.tasks.length
  expect(before).toBe(20)

  for (const peer of [peer1, peer2, peer3]) peer.hang()
  await cluster.stopIndex()
  await cluster.startIndex()
  await peer2.connect()
  expect(await statesOf(peer2)).toEqual({ peer1: 'suspect', peer2: 'live', peer3: 'suspect' })
  await peer1.connect()
  await peer3.connect()
  expect(peer1.seenSeq).toBe(20)
  await cluster.advance(10_000)
  expect(peer2.tasks.length + peer3.tasks.length).toBe(before)
  expect(await peer1.ask('status', {})).toMatchObject({ contents: 20, atFactor: 20 })
})

test('an index that lost its database learns everything again, dead owners included', async () => {
  await using cluster = await IndexCluster.start({ startGraceMs: 3_000 })
  const keeper = await cluster.peer('peer2')
  await cluster.peer('peer3')
  expect(keeper.seenSeq).toBe(0)
  await keeper.announce({ kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' })
  expect(await keeper.ask('status', {})).toMatchObject({ contents: 1, belowFactor: 1 })
  expect((await keeper.ask('status', {})).paused).toContain('has just started')
  await cluster.advance(25_000)
  expect(await keeper.ask('status', {})).toMatchObject({ contents: 1, atFactor: 1 })
  expect(await codeOf(keeper.ask('unshare', { name: 'a', force: true }))).toBe('ok')
})

test('the owner unshares a name whose file is gone', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  await peer1.announce({ name: 'a' })
  expect(await codeOf(peer2.ask('unshare', { name: 'a' }))).toBe('NOT_OWNER')
  expect(await peer1.ask('unshare', { name: 'a' })).toEqual({ owners: ['peer1'] })
  expect(await codeOf(peer1.ask('unshare', { name: 'a' }))).toBe('NOT_SHARED')
  await cluster.advance(3_000)
  expect(peer2.tasks.map(({ kind }) => kind)).toEqual(['replicate', 'drop'])
})

test('an index that lost its database hears which names are unshared, and drops their replicas', async () => {
  await using cluster = await IndexCluster.start()
  const keeper = await cluster.peer('peer2')
  await keeper.announce({ kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' })
  const peer1 = await cluster.peer('peer1')
  expect(await codeOf(peer1.ask('lookup', { name: 'a' }))).toBe('ok')
  await peer1.ask('announce', {
    epoch: peer1.epoch,
    begin: true,
    end: true,
    previousSeq: 0,
    lastSeq: 5,
    changes: [{ op: 'unshare', seq: 5, name: 'a' }],
  })
  expect(await codeOf(peer1.ask('lookup', { name: 'a' }))).toBe('NAME_NOT_FOUND')
  await cluster.advance(3_000)
  expect(keeper.tasks).toMatchObject([{ kind: 'drop', name: 'a', owner: 'peer1' }])
})

test('a false announcement creates a separate content and harms no other', async () => {
  await using cluster = await IndexCluster.start()
  const honest = await cluster.peer('honest')
  const liar = await cluster.peer('liar')
  const size = 5 * 2 ** 20
  const truth = { ...contentOf('big'), size, chunkRoot: contentOf('root').sha256 }
  const lie = { ...truth, chunkRoot: contentOf('lie').sha256 }
  liar.answer = undefined
  honest.answer = () => 'HASH_MISMATCH'
  await honest.announce({ name: 'big', text: truth })
  await liar.announce({ name: 'big', text: lie })
  const { contents } = await honest.ask('lookup', { name: 'big' })
  expect(contents).toHaveLength(2)
  expect(contents.find(({ chunkRoot }) => chunkRoot === truth.chunkRoot)?.sources).toMatchObject([
    { peerId: 'honest' },
  ])
  await cluster.advance(3_000)
  expect(liar.tasks).toMatchObject([{ content: truth }])
})

test('questions need no registration, and peers’ messages do', async () => {
  await using cluster = await IndexCluster.start()
  const { connection } = await cluster.dial({ role: 'client' })
  expect(await codeOf(cluster.run(connection.request('status', {})))).toBe('ok')
  expect(await codeOf(cluster.run(connection.request('leave', {})))).toBe('UNKNOWN_TYPE')
  const unregistered = await cluster.dial({ role: 'peer', peerId: 'peer9' })
  expect(await codeOf(cluster.run(unregistered.connection.request('leave', {})))).toBe(
    'NOT_REGISTERED',
  )
  connection.destroy()
  unregistered.connection.destroy()
})

test('metrics show what the index does', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await peer1.shares('a')
  for (let times = 0; times < 3; times += 1) await peer1.ask('lookup', { name: 'a' })
  await codeOf(peer1.ask('lookup', { name: 'b' }))
  const text = await cluster.metricsText
  for (const line of [
    'tandem_index_requests_total{type="lookup",outcome="ok"} 3',
    'tandem_index_requests_total{type="lookup",outcome="NAME_NOT_FOUND"} 1',
    'tandem_index_peers{state="live"} 1',
    'tandem_index_contents{state="below_factor"} 1',
    'tandem_index_announced_copies 1',
    'tandem_index_lookup_cache_total{outcome="hit"} 2',
  ])
    expect(text).toContain(line)
})

test('an index whose address or folder is taken does not start, and releases everything else', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start()
  const data = folder.path
  expect(await codeOf(cluster.startAnother({ data }))).toBe('ADDRESS_IN_USE')
  await using other = await IndexCluster.start({ data })
  expect(await codeOf(other.peer('peer1'))).toBe('ok')
  expect(await codeOf(cluster.startAnother({ data: '/dev/null/x' }))).toBe('DISK_FAILED')
})

test('a copy that sent wrong bytes does not count until its peer has read and announced it', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await peer2.shares('a')
  await peer1.shares('b')
  const look = async (name: string): Promise<{ order: string[]; copies: number | undefined }> => {
    const { contents } = await peer2.ask('lookup', { name })
    const { files } = await peer2.ask('search', { query: name, limit: 1 })
    const order = (contents[0]?.sources ?? []).map(({ peerId }) => peerId)
    return { order, copies: files[0]?.copies }
  }
  const { sha256 } = contentOf('a')
  await peer1.ask('accuse', { peerId: 'peer1', sha256 })
  await peer1.ask('accuse', { peerId: 'nobody', sha256 })
  await peer2.ask('accuse', { peerId: 'peer1', sha256: contentOf('none').sha256 })
  expect(await look('a')).toEqual({ order: ['peer1', 'peer2'], copies: 2 })

  for (let times = 0; times < 5; times++) await peer2.ask('accuse', { peerId: 'peer1', sha256 })
  expect(await look('a')).toEqual({ order: ['peer2', 'peer1'], copies: 1 })
  expect(peer1.verified).toEqual([sha256])
  // Both a and b lack copies.
  expect((await peer2.ask('status', {})).belowFactor).toBe(2)
  // One accuser does not demote the peer: its other contents are unaffected.
  await cluster.advance(5_000)
  expect((await look('b')).order).toEqual(['peer1', 'peer2'])
  expect((await peer2.ask('why', { name: 'a' })).contents[0]?.missing[0]).toMatch(
    /^wrong bytes were received from peer1/,
  )
  await cluster.advance(verifyAgainMs)
  expect(peer1.verified).toEqual([sha256, sha256])

  await peer1.announce({ name: 'a', text: 'a' })
  expect(await look('a')).toEqual({ order: ['peer1', 'peer2'], copies: 2 })
  expect((await peer2.ask('status', {})).belowFactor).toBe(1)
  await peer2.ask('accuse', { peerId: 'peer1', sha256 })
  expect(await look('a')).toEqual({ order: ['peer1', 'peer2'], copies: 2 })
})
