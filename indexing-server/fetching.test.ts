import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { limits } from '../common/limits.ts'
import type { Content } from '../common/protocol/messages.ts'
import { IndexCluster, type TestPeer } from './testing/index-cluster.ts'

const sha256 = createHash('sha256').update('large').digest('hex')
const chunkRoot = createHash('sha256').update('chunks of large').digest('hex')
const large: Content = { sha256, size: 64 * limits.chunkBytesMin, chunkRoot }

async function sourcesFor(peer: TestPeer): Promise<string[]> {
  const { contents } = await peer.ask('lookup', { name: 'large' })
  // Like a download, which needs this content and no other.
  expect(await peer.ask('lookup', { name: 'large', sha256 })).toEqual({ contents })
  return (contents[0]?.sources ?? []).map(({ peerId, kind }) => `${peerId} ${kind}`)
}

test('downloaders are listed after complete sources, until they end or disconnect', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 1 })
  const [owner, one, other] = [
    await cluster.peer('owner'),
    await cluster.peer('one'),
    await cluster.peer('other'),
  ]
  await owner.announce({ name: 'large', text: large })
  expect(await sourcesFor(other)).toEqual(['owner shared'])
  await one.ask('fetching', { contents: [large] })
  await other.ask('fetching', { contents: [large] })
  expect(await sourcesFor(owner)).toEqual(['owner shared', 'one partial', 'other partial'])
  expect(await sourcesFor(other)).toEqual(['owner shared', 'one partial'])
  const { files } = await owner.ask('search', { query: 'large', limit: 1 })
  expect(files).toMatchObject([{ sha256, copies: 1 }])

  await other.ask('fetching', { contents: [] })
  expect(await sourcesFor(owner)).toEqual(['owner shared', 'one partial'])
  // A peer with a copy is listed once.
  await one.announce({ name: 'large', text: large, kind: 'downloaded' })
  expect(await sourcesFor(owner)).toEqual(['owner shared', 'one downloaded'])
  await one.announce({ name: 'large', kind: 'downloaded' })
  one.crash()
  await cluster.advance(1_000)
  expect(await sourcesFor(owner)).toEqual(['owner shared'])
  await one.connect()
  expect(await sourcesFor(owner)).toEqual(['owner shared'])
})

test('the same hash with another chunk root is another content', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 1 })
  const owner = await cluster.peer('owner')
  const one = await cluster.peer('one')
  await owner.announce({ name: 'large', text: large })
  await one.ask('fetching', { contents: [{ ...large, chunkRoot: sha256 }] })
  expect(await sourcesFor(owner)).toEqual(['owner shared'])
})

test('of many that download each is named about as often', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 1 })
  const owner = await cluster.peer('owner')
  await owner.announce({ name: 'large', text: large })
  const count = 2 * limits.sourcesPerContentMax
  for (let number = 1; number <= count; number += 1) {
    const peer = await cluster.peer(`p${number}`)
    await peer.ask('fetching', { contents: [large] })
  }
  const named = new Map<string, number>()
  for (let question = 0; question < 10; question += 1) {
    const { contents } = await owner.ask('lookup', { name: 'large', sha256 })
    const sources = contents[0]?.sources ?? []
    expect(sources.length).toBe(limits.sourcesPerContentMax)
    for (const { peerId } of sources) named.set(peerId, (named.get(peerId) ?? 0) + 1)
  }
  named.delete('owner')
  expect(named.size).toBe(count)
  expect(Math.max(...named.values()) - Math.min(...named.values())).toBeLessThanOrEqual(1)
})
