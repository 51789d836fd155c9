import { describe, expect, test } from 'vitest'
import type { PeerNotes } from '../../common/protocol/messages.ts'
import { IndexCluster, missing, type TestPeer } from '../testing/index-cluster.ts'

/** Dead after the default of a minute, and healed. */
const deadMs = 75_000
const minute = 60_000

async function comeAndGo(cluster: IndexCluster, peer: TestPeer): Promise<void> {
  peer.hang()
  await cluster.advance(deadMs)
  await peer.connect()
  await cluster.advance(5_000)
}

async function notesOf(asker: TestPeer): Promise<readonly PeerNotes[]> {
  return (await asker.ask('status', {})).peerNotes ?? []
}

async function copiesOf(asker: TestPeer): Promise<Record<string, number>> {
  const { peers } = await asker.ask('peers', { limit: 100 })
  return Object.fromEntries(peers.map(({ peerId, copies }) => [peerId, copies]))
}

describe('a peer that comes and goes', () => {
  test('is given no new copies until it has stayed, and `why`, `peers` and `status` say so', async () => {
    await using cluster = await IndexCluster.start({ replicationFactor: 3 })
    const owner = await cluster.peer('owner')
    await cluster.peer('steady')
    const flapping = await cluster.peer('flapping')
    for (let times = 0; times < 3; times++) await comeAndGo(cluster, flapping)
    expect(await notesOf(owner)).toEqual([])
    await owner.shares('before')
    await cluster.advance(3_000)
    expect(await copiesOf(owner)).toEqual({ flapping: 1, owner: 1, steady: 1 })

    await comeAndGo(cluster, flapping)
    await owner.shares('after')
    await cluster.advance(5_000)
    expect(await copiesOf(owner)).toEqual({ flapping: 1, owner: 2, steady: 2 })
    expect(await missing(owner, 'after')).toEqual([
      'flapping disconnected 4 times recently: it receives new copies after staying for another 590 s',
    ])
    const [note] = await notesOf(owner)
    expect(note).toMatchObject({ peerId: 'flapping', flapping: { breaks: 4 } })
    const { peers } = await owner.ask('peers', { limit: 1 })
    expect(peers[0]).toMatchObject({ peerId: 'flapping', flapping: { breaks: 4 } })

    await cluster.advance(10 * minute)
    expect(await notesOf(owner)).toEqual([])
    expect(await missing(owner, 'after')).toEqual([])
    expect(await copiesOf(owner)).toEqual({ flapping: 2, owner: 2, steady: 2 })
  })

  test('takes the second copy of a content if there is no other peer', async () => {
    await using cluster = await IndexCluster.start()
    const owner = await cluster.peer('owner')
    const flapping = await cluster.peer('flapping')
    for (let times = 0; times < 4; times++) await comeAndGo(cluster, flapping)
    expect(await notesOf(owner)).toMatchObject([{ peerId: 'flapping' }])
    await owner.shares('a')
    await cluster.advance(3_000)
    expect(await copiesOf(owner)).toEqual({ flapping: 1, owner: 1 })
  })
})

test('ten stop-and-continue cycles of three peers do not fill the disks with further copies', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('owner')
  await cluster.peer('steady')
  const unstable = [await cluster.peer('u1'), await cluster.peer('u2'), await cluster.peer('u3')]
  const sum = async (): Promise<number> =>
    Object.values(await copiesOf(owner)).reduce((copies, count) => copies + count)
  let files = 0
  const added: number[] = []
  for (let cycle = 0; cycle < 10; cycle++) {
    const before = { files, copies: await sum() }
    for (const peer of unstable) {
      const names = [1, 2, 3, 4].map((number) => `${peer.peerId}/${cycle}/${number}`)
      await owner.announce(...names.map((name) => ({ name, text: name })))
      files += names.length
      await comeAndGo(cluster, peer)
    }
    added.push(((await sum()) - before.copies) / (files - before.files))
  }
  // The first breaks may be restarts; from then on each file costs its two copies.
  expect(added.slice(4)).toEqual([2, 2, 2, 2, 2, 2])
  expect(await owner.ask('status', {})).toMatchObject({ contents: files, belowFactor: 0 })
})
