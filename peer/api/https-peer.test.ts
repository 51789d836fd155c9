import { beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { httpUrl } from '../../common/http-url.ts'
import { TestAuthority, TestIdentity } from '../../common/testing/certificates.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { startWeb, type WebServer } from '../web/web-server.ts'
import { openHttpPeer } from './http-peer.ts'
import type { HttpsTrust } from './https-trust.ts'

let [authority, foreign] = [] as unknown as [TestAuthority, TestAuthority]
beforeAll(async () => {
  authority = await TestAuthority.create()
  foreign = await TestAuthority.create()
})

/** A peer with a certificate; plain HTTP without. */
async function served(credentials?: TestIdentity['credentials']): Promise<WebServer> {
  const { api } = new FakePeerApi({ clock: systemClock })
  const identity = credentials && new TestIdentity(credentials)
  return await startWeb(
    { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
    { api, vitals: fakeVitals(), identity, clock: systemClock, log: silentLog },
  )
}

/** Asks for the status. @returns `answered`, or the message of the error */
async function asked(
  web: WebServer,
  { token, protocol, ...trust }: Partial<HttpsTrust> & { token?: string; protocol?: string } = {},
): Promise<string> {
  const url = new URL(httpUrl(web.address))
  if (protocol !== undefined) url.protocol = protocol
  const options = { url, token, peerId: 'peer1', trust: { ca: [authority.ca], ...trust } }
  using api = openHttpPeer(options, { clock: systemClock })
  try {
    await api.status()
    return 'answered'
  } catch (error) {
    return (error as Error).message
  }
}

test('a peer answers over HTTPS: the one that is expected, or one of the host', async () => {
  await using web = await served(await authority.issue('peer1'))
  expect(web.address).toMatchObject({ isSecure: true })
  expect(await asked(web)).toBe('answered')
  expect(await asked(web, { memberId: 'peer1', token: 'secret' })).toBe('answered')
})

test('a member needs no certificate for its host', async () => {
  await using web = await served(await authority.issue('peer1', { names: [] }))
  expect(await asked(web, { memberId: 'peer1' })).toBe('answered')
  expect(await asked(web)).toMatch(/its certificate is for other host names/)
})

test('another member is not the one that is expected', async () => {
  await using web = await served(await authority.issue('peer2'))
  expect(await asked(web, { memberId: 'peer1' })).toMatch(
    /has not proven that it is peer1: its certificate is that of peer2\. Nothing was sent to it\./,
  )
})

test('a revoked member is refused', async () => {
  await using web = await served(await authority.issue('peer1'))
  const isRevoked = ({ id }: { id: string }): boolean => id === 'peer1'
  for (const memberId of ['peer1', undefined])
    expect(await asked(web, { memberId, isRevoked })).toMatch(/has revoked .* peer1/)
})

test('the authority of another cluster is not trusted', async () => {
  await using web = await served(await foreign.issue('peer1'))
  for (const memberId of ['peer1', undefined])
    expect(await asked(web, { memberId })).toMatch(
      /its certificate is of an authority that is not trusted here\. .*--ca FILE/,
    )
})

test('an expired certificate is not taken', async () => {
  await using web = await served(await authority.issue('peer1', { ageMs: 3 * 86_400_000 }))
  expect(await asked(web, { memberId: 'peer1' })).toMatch(/has expired, or the clock/)
})

test('plain HTTP and HTTPS that meet each other say so', async () => {
  await using plain = await served()
  expect(await asked(plain, { protocol: 'https:' })).toMatch(/it speaks no TLS 1\.3/)
  await using secured = await served(await authority.issue('peer1'))
  for (const given of [{}, { token: 'secret' }])
    expect(await asked(secured, { ...given, protocol: 'http:' })).toMatch(/speaks HTTPS/)
})
