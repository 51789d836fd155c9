/** An index whose database cannot be written answers, says so, and recovers by itself. */
import { expect, test } from 'vitest'
import { codeOf, IndexCluster, statesOf } from './testing/index-cluster.ts'

async function metric(cluster: IndexCluster): Promise<string | undefined> {
  return /^tandem_index_database_writable (\d)$/m.exec(await cluster.metricsText)?.[1]
}

test('questions, heartbeats and known peers are served; all of it is recorded later', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1', { identity: 'a'.repeat(64) })
  const peer2 = await cluster.peer('peer2', { identity: 'b'.repeat(64) })
  await peer1.shares('a')
  expect([await cluster.health(), await metric(cluster)]).toEqual([undefined, '1'])
  cluster.refuseWrites(true)
  expect(await codeOf(peer1.announce({ name: 'b', text: 'b' }))).toBe('DISK_FAILED')
  expect(await cluster.health()).toMatch(/^the database cannot be written: .*readonly/)
  expect(await metric(cluster)).toBe('0')
  expect(await peer2.ask('status', {})).toMatchObject({ degraded: await cluster.health() })

  peer1.crash()
  await peer1.connect()
  expect(peer1.seenSeq).toBe(1)
  for (const peer of [peer1, peer2]) {
    expect((await peer.ask('lookup', { name: 'a' })).contents).toHaveLength(1)
    expect((await peer.ask('search', { query: 'a', limit: 5 })).files).toHaveLength(1)
  }
  await peer2.ask('leave', {})
  await cluster.advance(90_000)
  expect(await statesOf(peer1)).toEqual({ peer1: 'live', peer2: 'dead' })
  expect(await codeOf(peer1.ask('unshare', { name: 'a' }))).toBe('DISK_FAILED')
  expect(await codeOf(cluster.peer('peer3', { identity: 'c'.repeat(64) }))).toBe('DISK_FAILED')

  cluster.refuseWrites(false)
  await cluster.advance(10_000)
  expect([await cluster.health(), await metric(cluster)]).toEqual([undefined, '1'])
  expect(await peer1.ask('status', {})).not.toHaveProperty('degraded')
  peer1.crash()
  await peer1.connect()
  await peer1.shares('b')
  expect((await peer1.ask('lookup', { name: 'b' })).contents).toHaveLength(1)
  expect(await codeOf(cluster.peer('peer3', { identity: 'c'.repeat(64) }))).toBe('ok')
})
