import { expect, test } from 'vitest'
import type { ProvenIdentity, TokenRole } from '../common/identity/cluster-role.ts'
import { codeOf, IndexCluster, type TestPeer } from './testing/index-cluster.ts'

async function member(
  cluster: IndexCluster,
  id: string,
  role: TokenRole,
  provenId = id,
): Promise<TestPeer> {
  const proven: ProvenIdentity = { role, id: provenId, generation: 1, isAuthority: false }
  cluster.proven.push(proven)
  return await cluster.peer(id)
}

test('only the owner and admins change what belongs to a peer', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await member(cluster, 'peer1', 'peer')
  const other = await member(cluster, 'peer2', 'peer')
  const admin = await member(cluster, 'peer3', 'admin')
  await owner.shares('a.txt')
  await owner.shares('b.txt')

  const force = { name: 'a.txt', owner: 'peer1', force: true }
  expect(await codeOf(other.ask('unshare', force))).toBe('FORBIDDEN')
  expect(await codeOf(other.ask('empty-trash', { pattern: '', force: true }))).toBe('FORBIDDEN')
  for (const [type, body] of [
    ['drain', { peerId: 'peer1' }],
    ['undrain', { peerId: 'peer1' }],
    ['maintain', { peerId: 'peer1', forMs: 60_000 }],
  ] as const) {
    expect(await codeOf(other.ask(type, body)), type).toBe('FORBIDDEN')
    await owner.ask(type, body)
    await admin.ask(type, body)
  }
  for (const [type, body] of [
    ['forget-peer', { peerId: 'peer1' }],
    ['resume-replication', {}],
    ['set-replication', { pattern: '**', factor: 3 }],
    ['rebalance', {}],
  ] as const) {
    expect(await codeOf(other.ask(type, body)), type).toBe('FORBIDDEN')
    expect(await codeOf(admin.ask(type, body)), type).not.toBe('FORBIDDEN')
  }
  await admin.ask('unshare', force)
  await owner.ask('unshare', { name: 'b.txt' })
})

test('a hello with the id of another is refused', async () => {
  await using cluster = await IndexCluster.start()
  expect(await codeOf(member(cluster, 'peer1', 'peer', 'peer2'))).toBe('CERTIFICATE_REFUSED')
  expect(await codeOf(member(cluster, 'ci', 'reader'))).toBe('FORBIDDEN')
})
