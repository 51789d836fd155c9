/** How a revocation reaches members that are cut off from the authority: over any connection between members. */
import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import type { NodeIdentity } from '../identity/node-identity.ts'
import { anyPort, asMember, clientHello, openDoor, type Request, talk } from '../testing/doors.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { connect } from './client.ts'
import type { Connection } from './connection.ts'
import { TlsTransport } from './tls-transport.ts'
import { TrustExchange } from './trust-exchange.ts'

const dependencies = { clock: systemClock, log: silentLog }

async function dial(from: NodeIdentity, port: number): Promise<Connection> {
  const transport = new TlsTransport(from, dependencies)
  const address = { ...anyPort, port }
  const hello = { role: 'client' } as const
  const { connection } = await connect({ transport, address, role: 'peer', hello }, dependencies)
  return connection
}

test('a revocation spreads from peer to peer over open connections, in both directions', async () => {
  await using cluster = await TestCluster.create()
  const [a, b, c, revoked] = await Promise.all(
    ['a', 'b', 'c', 'revoked'].map((id) => cluster.member(id)),
  )
  if (!a || !b || !c || !revoked) throw new Error('a member is missing')
  await using doorB = await openDoor(b, { role: 'peer' })
  await using doorC = await openDoor(c, { role: 'peer' })
  // a dials b, and b dials c: the news goes along one connection and against the other's direction.
  const connections = [await dial(b, doorC.port), await dial(b, doorC.port)]
  const fromA = await dial(a, doorB.port)
  const ofRevoked = await dial(revoked, doorC.port)
  cluster.authority.revoke('revoked')
  a.accept(cluster.authority.trust.signed)
  await ofRevoked.closed
  expect([a, b, c].map(({ trust }) => trust.number)).toEqual([2, 2, 2])
  const { reasons } = await talk(doorC.port, asMember(revoked))
  expect(reasons).toEqual(['revoked was revoked'])

  // The one that is dialled knows more.
  cluster.authority.revoke('a')
  c.accept(cluster.authority.trust.signed)
  await fromA.closed
  expect(b.trust.number).toBe(3)
  for (const connection of connections) connection.destroy()
})

test('a member that was away is told when it connects, and tells those that know less', async () => {
  await using cluster = await TestCluster.create()
  const [knows, away] = [await cluster.member('knows'), await cluster.member('away')]
  await cluster.member('revoked')
  cluster.authority.revoke('revoked')
  knows.accept(cluster.authority.trust.signed)
  await using door = await openDoor(knows, { role: 'peer' })
  const connection = await dial(away, door.port)
  await expect.poll(() => away.trust.number).toBe(2)
  connection.destroy()
})

test('a list of another authority, an older one or a changed one is not accepted', async () => {
  await using cluster = await TestCluster.create()
  await using other = await TestCluster.create()
  const peer = await cluster.member('peer1')
  const before = cluster.authority.trust.signed
  cluster.authority.revoke('peer1')
  const after = cluster.authority.trust.signed
  await using door = await openDoor(cluster.own, { role: 'peer' })
  other.authority.revoke((await other.member('any')).self.id)
  const foreign = other.authority.trust.signed
  const changed = { ...after, text: after.text.replace('"number":2', '"number":9') }
  const resigned = { text: changed.text, signatures: foreign.signatures }
  const send = async (trust: object): Promise<unknown> => {
    const request: Request = ['exchange-trust', { number: 9, trust }]
    const { byType } = await talk(door.port, asMember(peer), [clientHello, request])
    return byType.get('exchange-trust')
  }
  for (const trust of [foreign, changed, resigned]) expect(await send(trust)).toBe('TRUST_REFUSED')
  expect(await send(before)).toBe('ok')
  expect(cluster.own.trust.number).toBe(1)
  // A revoked member may bring the news of its own revocation, and is gone with it.
  await send(after)
  expect(cluster.own.trust.number).toBe(2)
  expect((await talk(door.port, asMember(peer))).reasons).toEqual(['peer1 was revoked'])
})

test('a reply with a list that is refused ends no process', async () => {
  await using cluster = await TestCluster.create()
  await using other = await TestCluster.create()
  const peer = await cluster.member('peer1')
  const trust = other.authority.trust.signed
  const liar = {
    isOpen: true,
    remote: anyPort,
    onClosed: () => {},
    request: async () => ({ number: 9, trust }),
  }
  const failed = Promise.withResolvers<object>()
  const log = { ...silentLog, debug: (details: object) => failed.resolve(details) }
  new TrustExchange(peer, { log }).onGreeted(liar as unknown as Connection, 9)
  // Without a listener, a rejection would end the process, and this test.
  expect(await failed.promise).toMatchObject({ remote: anyPort })
  expect(peer.trust.number).toBe(1)
})
