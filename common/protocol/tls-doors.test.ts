/** Every door of a secured cluster, as a stranger, a former member and a faulty member find it. */
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as connectPlain, createServer as createPlainServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import type { Issued } from '../identity/authority.ts'
import type { NodeIdentity } from '../identity/node-identity.ts'
import { makeRequest } from '../identity/x509.ts'
import { limits } from '../limits.ts'
import {
  anyPort,
  asJoiner,
  asMember,
  clientHello,
  type Door,
  openDoor,
  otherServer,
  type Request,
  talk,
} from '../testing/doors.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { connect } from './client.ts'
import type { Connection } from './connection.ts'
import { protocolVersion } from './messages.ts'
import { tcpTransport } from './tcp-transport.ts'
import { alpn, TlsTransport } from './tls-transport.ts'
import type { Transport } from './transport.ts'

const hour = 3_600_000
const day = 24 * hour
const dependencies = { clock: systemClock, log: silentLog }
/** As if the authority's clock were off by so much. */
const clockAt = (offsetMs: number): FakeClock => new FakeClock(systemClock.nowMs() + offsetMs)

let cluster: TestCluster
let other: TestCluster
let peer1: NodeIdentity
let reader: NodeIdentity
let door: Door
beforeAll(async () => {
  cluster = await TestCluster.create()
  other = await TestCluster.create()
  peer1 = await cluster.member('peer1')
  reader = await cluster.member('ci', 'reader')
  door = await openDoor(cluster.own)
})
afterAll(async () => {
  await door[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

const helloAs = (role: 'peer' | 'client', peerId?: string): Request => [
  'hello',
  { protocol: protocolVersion, role, ...(peerId !== undefined && { peerId }) },
]

test('members are let in, others are told why not, and no request of theirs reaches a handler', async () => {
  const lookup: Request = ['lookup', {}]
  const both = [clientHello, lookup]
  expect((await talk(door.port, asMember(peer1), [clientHello])).answers).toEqual(['ok'])
  expect((await talk(door.port, asMember(reader), [clientHello])).answers).toEqual(['ok'])
  const before = door.handled.length
  const cases = [
    ['no certificate', {}, 'CERTIFICATE_REQUIRED'],
    ['another cluster’s', asMember(await other.member('peer1')), 'of another cluster'],
    [
      'an expired one',
      asMember(await cluster.member('old', 'peer', clockAt(-91 * day))),
      'expired',
    ],
    [
      'one not valid yet',
      asMember(await cluster.member('early', 'peer', clockAt(3 * hour))),
      'not valid yet; compare the clocks',
    ],
  ] as const
  for (const [what, options, expected] of cases) {
    const member = { ALPNProtocols: [alpn.members], ...options }
    const { answers, reasons } = await talk(door.port, member, both)
    expect(answers, what).toHaveLength(1)
    expect([...answers, ...reasons].join(' '), what).toContain(expected)
  }
  expect(door.handled).toHaveLength(before)
  expect(door.refused).toEqual(
    expect.arrayContaining(['CERTIFICATE_REQUIRED', 'CERTIFICATE_REFUSED']),
  )
})

test('an hour of difference between clocks keeps no member out', async () => {
  for (const offsetMs of [-hour, hour]) {
    const id = `skewed${offsetMs}`
    const member = await cluster.member(id, 'peer', clockAt(offsetMs))
    expect((await talk(door.port, asMember(member))).answers).toEqual(['ok'])
    const transport = new TlsTransport(member, { clock: clockAt(offsetMs), log: silentLog })
    const { connection } = await greeted(transport, door.port)
    connection.destroy()
    transport[Symbol.dispose]()
  }
})

test('a member says hello only under its own id and for its role', async () => {
  const answersTo = async (member: NodeIdentity, hello: Request): Promise<string> => {
    const { answers, reasons } = await talk(door.port, asMember(member), [hello])
    return [...answers, ...reasons].join(' ')
  }
  expect(await answersTo(peer1, helloAs('peer', 'peer1'))).toBe('ok')
  expect(await answersTo(peer1, helloAs('peer', 'peer2'))).toContain('for peer1, not for peer2')
  expect(await answersTo(peer1, helloAs('client', 'peer2'))).toContain('for peer1, not for peer2')
  expect(await answersTo(reader, helloAs('peer', 'ci'))).toMatch(/^FORBIDDEN/)
  expect(await answersTo(cluster.own, helloAs('peer', 'index'))).toMatch(/^FORBIDDEN/)
})

test('a joiner may say hello and ask to join, and nothing else', async () => {
  const asPeer = await talk(door.port, asJoiner, [helloAs('peer', 'peer1')])
  expect(asPeer.answers).toEqual(['FORBIDDEN'])
  const requests: Request[] = [clientHello, ['lookup', {}], ['exchange-trust', { number: 99 }]]
  const tried = await talk(door.port, asJoiner, requests)
  expect(tried.answers.toSorted()).toEqual(['FORBIDDEN', 'FORBIDDEN', 'ok'])
  const early = await talk(door.port, asJoiner, [['join-cluster', {}]])
  expect(early.answers).toEqual(['HELLO_EXPECTED'])
})

test('a connection of a joiner ends soon, used or not', async () => {
  const clock = clockAt(0)
  await using brief = await openDoor(cluster.own, { clock })
  const socket = connectTls({ port: brief.port, rejectUnauthorized: false, ...asJoiner })
  await once(socket, 'secureConnect')
  const closed = once(socket, 'close')
  socket.resume()
  const transport: Transport = {
    ...tcpTransport,
    dial: async () => ({
      stream: socket,
      read: (onBytes) => socket.on('data', onBytes),
    }),
  }
  const { connection } = await greeted(transport, brief.port)
  expect(connection.isOpen).toBe(true)
  await clock.advance(11_000)
  await closed
})

test('only TLS 1.3 with our protocols is spoken, and nothing of it can be negotiated down', async () => {
  const good = await talk(door.port, asMember(peer1))
  expect(good.protocol).toBe('TLSv1.3')
  expect(good.cipher).toMatch(/^TLS_(AES_\d+_GCM|CHACHA20_POLY1305)_SHA\d+$/)
  const old = { ...asMember(peer1), minVersion: 'TLSv1', maxVersion: 'TLSv1.2' } as const
  expect(await talk(door.port, old)).toMatchObject({
    answers: [],
    failure: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  })
  for (const protocols of [['h2', 'http/1.1'], ['tandem/2']]) {
    const { answers, failure } = await talk(door.port, {
      ...asMember(peer1),
      ALPNProtocols: protocols,
    })
    expect([answers, failure]).toEqual([[], 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'])
  }
  const none = await talk(door.port, { ...asMember(peer1), ALPNProtocols: [] })
  expect([none.answers, none.reasons]).toEqual([
    ['CERTIFICATE_REFUSED'],
    ['the connection is for another protocol'],
  ])
})

test('a handshake cannot be repeated on an open connection', async () => {
  const socket = connectTls({ port: door.port, rejectUnauthorized: false, ...asMember(peer1) })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  const failure = new Promise<unknown>((resolve) => {
    socket.renegotiate({}, resolve)
  })
  expect(await failure).toMatchObject({ code: 'ERR_SSL_WRONG_SSL_VERSION' })
  socket.destroy()
})

test('a session is resumed, until whom the members trust has changed', async () => {
  await using own = await TestCluster.create()
  const [one, two] = [await own.member('one'), await own.member('two')]
  await using served = await openDoor(own.own)
  const first = await talk(served.port, asMember(one))
  const withSession = { ...asMember(one), session: first.session }
  expect(first.isResumed).toBe(false)
  expect(await talk(served.port, withSession)).toMatchObject({ isResumed: true, answers: ['ok'] })
  expect(two.self.id).toBe('two')

  own.own.accept(own.authority.revoke('two'))
  expect(await talk(served.port, withSession)).toMatchObject({ isResumed: false, answers: ['ok'] })
  const again = await talk(served.port, asMember(one))
  own.own.accept(own.authority.revoke('one'))
  const after = await talk(served.port, { ...asMember(one), session: again.session })
  expect(after).toMatchObject({ isResumed: false, reasons: ['one was revoked'] })
})

test('a resumed session makes no stranger a member, and keeps no expired one in', async () => {
  const clock = clockAt(0)
  await using served = await openDoor(cluster.own, { clock })
  const member = await cluster.member('brief')
  const { session } = await talk(served.port, asMember(member))
  const stranger = asMember(await other.member('stranger'))
  const strange = await talk(served.port, stranger)
  const joining = await talk(served.port, asJoiner)
  const resumed = async (kept: Buffer | undefined, options: object): Promise<unknown[]> => {
    const { answers, reasons } = await talk(served.port, { ...options, session: kept })
    return [...answers, ...reasons]
  }
  const bare = { ALPNProtocols: [alpn.members] }
  expect((await resumed(joining.session, bare))[0]).toBe('CERTIFICATE_REQUIRED')
  expect(await resumed(strange.session, stranger)).toEqual([
    'CERTIFICATE_REFUSED',
    'it is of another cluster',
  ])
  expect(await resumed(session, bare)).toEqual(['ok'])
  await clock.advance(91 * day)
  expect(String(await resumed(session, bare))).toContain('it has expired')
})

test('connections of a member end when it is revoked, and those of an authority that is trusted no longer', async () => {
  await using own = await TestCluster.create()
  const names = ['gone', 'revoked', 'stays'] as const
  const members = await Promise.all(names.map((id) => own.member(id)))
  const [gone, revoked, stays] = members as [NodeIdentity, NodeIdentity, NodeIdentity]
  await using served = await openDoor(own.own)
  const open = async (member: NodeIdentity): Promise<Connection> =>
    (await greeted(new TlsTransport(member, dependencies), served.port)).connection
  const [ofGone, ofRevoked] = [await open(gone), await open(revoked)]
  own.own.accept(own.authority.revoke('revoked'))
  await ofRevoked.closed
  expect(ofGone.isOpen).toBe(true)

  // Nor does a member dial it.
  await using posing = await openDoor(revoked, { role: 'peer' })
  const toRevoked = greeted(new TlsTransport(own.own, dependencies), posing.port, 'peer')
  await expect(toRevoked).rejects.toThrow('revoked was revoked')

  own.own.accept(await own.authority.trust.rotate())
  const asked = async ({ self, credentials: { key } }: NodeIdentity) => ({
    ...(await makeRequest(self.id, key)),
    names: [],
  })
  const take = async (identity: NodeIdentity, { certificate, trust }: Issued): Promise<void> => {
    const { key } = identity.credentials
    await identity.replace({ key, chain: certificate, signedTrust: trust })
  }
  const { request } = await asked(own.own)
  await take(own.own, await own.authority.renewOwn(own.own.self, request, []))
  await take(stays, await own.authority.renew(stays.self, await asked(stays)))
  const ofStays = await open(stays)
  own.own.accept(own.authority.trust.endRotation())
  await ofGone.closed
  expect(ofStays.isOpen).toBe(true)
  // The revocation is not in the list any more; the certificate is worth nothing.
  expect(own.own.trust.revoked).toEqual([])
  for (const member of [gone, revoked]) {
    const { answers } = await talk(served.port, asMember(member))
    expect(answers).toEqual(['CERTIFICATE_REFUSED'])
  }
  ofStays.destroy()
})

test('who dials a member is not deceived about who answers', async () => {
  const dialled = async (
    identity: NodeIdentity,
    options: Parameters<typeof openDoor>[1],
    role: 'index' | 'peer',
  ): Promise<unknown> => {
    await using posing = await openDoor(identity, options)
    const transport = new TlsTransport(peer1, dependencies)
    return await greeted(transport, posing.port, role).then(
      ({ connection }) => connection.destroy(),
      (error: unknown) => String(error),
    )
  }
  expect(await dialled(cluster.own, {}, 'index')).toBeUndefined()
  const peer2 = await cluster.member('peer2')
  expect(await dialled(peer2, { role: 'peer' }, 'peer')).toBeUndefined()
  expect(await dialled(peer2, { role: 'index' }, 'index')).toContain('for the peer peer2')
  expect(await dialled(peer2, { role: 'peer', peerId: 'peer3' }, 'peer')).toContain(
    'its certificate is for peer2, not for peer3',
  )
  expect(await dialled(reader, { role: 'peer' }, 'peer')).toContain('for the reader ci')
  expect(await dialled(reader, { role: 'index' }, 'index')).toContain('for the reader ci')
  expect(await dialled(cluster.own, { role: 'peer' }, 'peer')).toContain('for the index index')
  expect(await dialled(other.own, {}, 'index')).toContain('it is of another cluster')
  const expired = await cluster.member('expired', 'peer', clockAt(-91 * day))
  expect(await dialled(expired, { role: 'peer' }, 'peer')).toContain('it has expired')
  const early = await cluster.member('premature', 'peer', clockAt(3 * hour))
  expect(await dialled(early, { role: 'peer' }, 'peer')).toContain('compare the clocks')
})

test('who dials accepts no older TLS, and no other protocol of a member', async () => {
  const { key, cert } = cluster.own.credentials
  const transport = new TlsTransport(peer1, dependencies)
  await using old = await otherServer({ key, cert, maxVersion: 'TLSv1.2' })
  await expect(greeted(transport, old.port)).rejects.toMatchObject({ code: 'DIAL_FAILED' })
  expect(old.received).toEqual([])
  const https = createHttpsServer({ key, cert, ALPNProtocols: [] })
  await once(https.listen(0, '127.0.0.1'), 'listening')
  const { port } = https.address() as AddressInfo
  await expect(greeted(transport, port)).rejects.toThrow('another protocol')
  https.closeAllConnections()
  https.close()
})

test('plain connections to a secured port fail, and TLS to a plain one', async () => {
  await expect(greeted(tcpTransport, door.port)).rejects.toMatchObject({
    code: 'TLS_REQUIRED',
  })
  const plain = createPlainServer((socket) => {
    socket.on('error', () => {})
    socket.end('\0\0\0\u0002{}')
  })
  await once(plain.listen(0, '127.0.0.1'), 'listening')
  const { port } = plain.address() as AddressInfo
  const dialled = greeted(new TlsTransport(peer1, dependencies), port)
  await expect(dialled).rejects.toThrow('it does not speak TLS')
  plain.close()
})

test('garbage and stalled handshakes do not hold up others', async () => {
  const sockets = Array.from({ length: 50 }, (_, number) => {
    const socket = connectPlain({ port: door.port, host: '127.0.0.1' })
    socket.on('error', () => {})
    // Nothing, a record that never ends, or no TLS.
    if (number % 3 === 1) socket.write(Buffer.from('160301ffff0100', 'hex'))
    if (number % 3 === 2) socket.write('GET / HTTP/1.1\r\n\r\n')
    return socket
  })
  const ended = sockets.filter((_, number) => number % 3 === 2).map((one) => once(one, 'close'))
  const { answers } = await talk(door.port, asMember(peer1))
  expect(answers).toEqual(['ok'])
  for (const socket of sockets) socket.resume()
  await Promise.all(ended)
  for (const socket of sockets) socket.destroy()
})

test('of too many handshakes at a time, those of the busiest host end first', async () => {
  const dial = async (localAddress: string): Promise<Socket> => {
    const socket = connectPlain({ port: door.port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {}).resume()
    await once(socket, 'connect')
    return socket
  }
  const modest = await dial('127.0.0.3')
  const first = await dial('127.0.0.2')
  const firstEnded = once(first, 'close')
  const others: Socket[] = []
  while (others.length < limits.handshakesMax) others.push(await dial('127.0.0.2'))
  await firstEnded
  expect(
    (await talk(door.port, { ...asMember(peer1), localAddress: '127.0.0.4' })).answers,
  ).toEqual(['ok'])
  expect(modest.closed).toBe(false)
  for (const socket of [modest, ...others]) socket.destroy()
})

async function greeted(
  transport: Transport,
  port: number,
  role: 'index' | 'peer' = 'index',
): Promise<{ connection: Connection }> {
  const address = { ...anyPort, port }
  return await connect({ transport, address, role, hello: { role: 'client' } }, dependencies)
}
