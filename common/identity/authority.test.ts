import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { limits } from '../limits.ts'
import { systemRandom } from '../random.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { Authority } from './authority.ts'
import { AuthorityStore } from './authority-store.ts'
import type { TokenRole } from './cluster-role.ts'
import type { NodeIdentity } from './node-identity.ts'
import { certificatesIn, readCertificate } from './read-certificate.ts'
import { readTrust, type SignedTrust } from './trust.ts'
import { makeRequest } from './x509.ts'

const hour = 3_600_000
const names: readonly string[] = ['localhost']

async function joining(id: string): Promise<{ id: string; request: string; names: typeof names }> {
  return { id, request: (await makeRequest(id)).request, names }
}

test('a token lets in as many as it is for, until it expires or is revoked', async () => {
  const clock = new FakeClock()
  await using cluster = await TestCluster.create({ clock })
  const { authority } = cluster
  const once = authority.tokens.create({ role: 'peer', forMs: hour, usesMax: 1 })
  const first = await joining('peer1')
  const { identity } = await authority.join({ ...first, secret: once })
  expect(identity).toMatchObject({ role: 'peer', id: 'peer1', generation: 1, isAuthority: false })

  // The answer may have been lost: the same key may ask again, another may not.
  await authority.join({ ...first, secret: once })
  const second = await joining('peer2')
  const refusal = (secret: string): Promise<unknown> => authority.join({ ...second, secret })
  await expect(refusal(once)).rejects.toMatchObject({
    code: 'JOIN_REFUSED',
    details: { reason: 'the token has been used' },
  })
  await expect(refusal('0'.repeat(32))).rejects.toThrow('the token is not one of this cluster')
  const guessed = `${once.slice(0, 8)}${'0'.repeat(24)}`
  await expect(refusal(guessed)).rejects.toThrow('the token is not one of this cluster')

  const many = authority.tokens.create({ role: 'reader', forMs: hour })
  expect((await authority.join({ ...second, secret: many })).identity.role).toBe('reader')
  await clock.advance(hour)
  const third = await joining('peer3')
  await expect(authority.join({ ...third, secret: many })).rejects.toThrow('has expired')
  const revoked = authority.tokens.create({ role: 'peer', forMs: hour })
  authority.tokens.revoke(revoked.slice(0, 8))
  await expect(authority.join({ ...third, secret: revoked })).rejects.toThrow('was revoked')
})

test('no token lets in more than can be revoked together', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  using store = new AuthorityStore(cluster.authorityFolder)
  const use = (from: number, to: number): void =>
    store.transaction(() => {
      for (let place = from; place < to; place++)
        store.addUse(secret.slice(0, 8), `made-up-${place}`, 'key', place)
    })
  use(0, limits.membersPerTokenMax / 2 - 1)
  // One in a file is replaced long before.
  expect(authority.tokens.isValidFor(secret, 1)).toBe(true)
  use(limits.membersPerTokenMax / 2 - 1, limits.membersPerTokenMax - 1)
  expect(authority.tokens.isValidFor(secret, 1)).toBe(false)
  const last = await joining('last')
  await authority.join({ ...last, secret })
  await authority.join({ ...last, secret })
  const more = authority.join({ ...(await joining('more')), secret })
  await expect(more).rejects.toThrow('the token has been used 1000 times')
})

test('secrets are not kept, and expired tokens go after a week', async () => {
  const clock = new FakeClock()
  await using cluster = await TestCluster.create({ clock })
  const { authority } = cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  expect(JSON.stringify(authority.tokens.list())).not.toContain(secret.slice(8))
  await clock.advance(8 * 24 * hour)
  authority.tokens.create({ role: 'peer', forMs: hour })
  expect(authority.tokens.list().map(({ tokenId }) => tokenId)).not.toContain(secret.slice(0, 8))
})

test('an id belongs to the key that joined with it, until that is revoked', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const own = await joining('peer1')
  await authority.join({ ...own, secret })
  const other = await joining('peer1')
  await expect(authority.join({ ...other, secret })).rejects.toMatchObject({
    code: 'MEMBER_EXISTS',
  })
  await expect(authority.join({ ...(await joining('index')), secret })).rejects.toMatchObject({
    code: 'MEMBER_EXISTS',
  })
  const admin = authority.tokens.create({ role: 'admin', forMs: hour })
  const promoted = await authority.join({ ...own, secret: admin })
  expect(promoted.identity).toMatchObject({ role: 'admin', generation: 1 })

  const { signatures, text } = authority.revoke('peer1')
  const trust = readTrust({ signatures, text }, cluster.own.trust.authorities)
  expect(trust).toMatchObject({ number: 2, revoked: [{ id: 'peer1', throughGeneration: 1 }] })
  // The revoked member knows the token.
  await expect(authority.join({ ...other, secret })).rejects.toThrow('was revoked')
  const fresh = authority.tokens.create({ role: 'peer', forMs: hour })
  const rejoined = await authority.join({ ...other, secret: fresh })
  expect(rejoined.identity.generation).toBe(2)
  const proven = { ...promoted.identity }
  await expect(authority.renew(proven, own)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' })
})

test('fewer rights are another generation, more rights are not', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  const own = await joining('peer1')
  const join = async (role: TokenRole): Promise<unknown> => {
    const secret = authority.tokens.create({ role, forMs: hour })
    const { identity, trust } = await authority.join({ ...own, secret })
    const { revoked } = readTrust(trust, cluster.own.trust.authorities) ?? {}
    return [identity.role, identity.generation, revoked?.map((one) => one.throughGeneration)]
  }
  expect(await join('peer')).toEqual(['peer', 1, []])
  expect(await join('admin')).toEqual(['admin', 1, []])
  expect(await join('peer')).toEqual(['peer', 2, [1]])
  expect(await join('peer')).toEqual(['peer', 2, [1]])
  expect(await join('reader')).toEqual(['reader', 3, [2]])
  // The token of the admin, and those of the peer once it is a reader.
  expect(authority.tokens.list().filter(({ isRevoked }) => isRevoked)).toHaveLength(4)
  authority.revoke('peer1')
  expect(await join('reader')).toEqual(['reader', 4, [3]])
})

test('a revocation is listed until the certificates of the member would have expired', async () => {
  const clock = new FakeClock()
  await using cluster = await TestCluster.create({ clock })
  const { authority } = cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  for (const id of ['peer1', 'peer2', 'peer3'])
    await authority.join({ ...(await joining(id)), secret })
  const revokedAfter = (id: string): unknown[] => {
    const { revoked } = JSON.parse(authority.revoke(id).text) as { revoked: { id: string }[] }
    return revoked.map((one) => one.id)
  }
  revokedAfter('peer1')
  await clock.advance(89 * 24 * hour)
  expect(revokedAfter('peer2')).toEqual(['peer1', 'peer2'])
  await clock.advance(2 * 24 * hour)
  expect(revokedAfter('peer3')).toEqual(['peer3'])
})

test('an authority whose own identity is lost, or was never written, gets another', async () => {
  await using cluster = await TestCluster.create()
  const { digest } = cluster.authority
  const own = { role: 'index', id: 'index', names } as const
  const dependencies = { clock: systemClock, random: systemRandom }
  const made = await Authority.create(cluster.authorityFolder, own, dependencies)
  using authority = made.authority
  expect(authority.digest).toBe(digest)
  const [certificate] = certificatesIn(made.material.chain)
  expect(certificate && readCertificate(certificate)?.identity).toMatchObject({ isAuthority: true })
  expect(made.material.key).not.toBe(cluster.own.credentials.key)
  expect(authority.overview.members).toHaveLength(1)
})

test('the key in a request must have signed it, and be of the right kind', async () => {
  await using cluster = await TestCluster.create()
  const secret = cluster.authority.tokens.create({ role: 'peer', forMs: hour })
  const { request } = await joining('peer1')
  const [head, body = '', tail] = request.split(/(?<=REQUEST-----)\n|\n(?=-----END)/)
  const bytes = Buffer.from(body, 'base64')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  const forged = `${head}\n${bytes.toString('base64')}\n${tail}`
  for (const bad of [forged, 'nonsense', '']) {
    const asked = cluster.authority.join({ secret, id: 'peer1', request: bad, names: [] })
    await expect(asked).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  }
})

test('a member keeps its certificate through a replacement of the authority', async () => {
  await using cluster = await TestCluster.create()
  const { authority, own } = cluster
  const peer = await cluster.member('peer1')
  const before = authority.digest
  const [old] = own.trust.authorities
  own.accept(await authority.trust.rotate())
  expect(own.trust.authorities).toHaveLength(2)
  expect(own.trust.issuer).toBe(authority.digest)
  expect(authority.digest).not.toBe(before)

  // A member that knows only the old one accepts certificates of the new one.
  const issued = await authority.renew(peer.self, await requestOf(peer.credentials.key))
  const [renewed, cross] = certificatesIn(issued.certificate)
  const root = new X509Certificate(old ?? '')
  expect(cross?.verify(root.publicKey)).toBe(true)
  expect(renewed && cross && renewed.verify(cross.publicKey)).toBe(true)
  expect(own.trust.authorities).toHaveLength(2)

  await authority.renewOwn(own.self, (await requestOf(own.credentials.key)).request, [])
  // The answer may have been lost: what counts is that the member has shown its new certificate.
  expect(authority.trust.finishRotation(() => undefined)).toBe(false)
  expect(authority.trust.finishRotation(() => root.subject)).toBe(false)
  expect(authority.overview.authorities).toHaveLength(2)
  const shown = renewed?.issuer
  expect(authority.trust.finishRotation((id) => (id === 'peer1' ? shown : undefined))).toBe(true)
  expect(authority.trust.finishRotation(() => shown)).toBe(false)
  peer.accept(authority.trust.signed)
  expect(peer.trust.authorities).toHaveLength(1)
  expect(peer.trust.issuer).toBe(authority.digest)
  expect(() => authority.trust.endRotation()).toThrow('is not being replaced')
})

async function requestOf(key: string): Promise<{ request: string; names: typeof names }> {
  const { request } = await makeRequest('any', key)
  return { request, names }
}

test('a certificate states its identity, and no certificate of an authority does', async () => {
  await using cluster = await TestCluster.create()
  const [own, authority] = certificatesIn(cluster.own.credentials.cert)
  expect(own && readCertificate(own)?.identity).toMatchObject({ role: 'index', isAuthority: true })
  expect(authority && readCertificate(authority)).toBeUndefined()
})

test('an authority that was restored from a backup goes on from what members know', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  const [kept] = [await cluster.member('peer1'), await cluster.member('peer2')]
  const lost = { ...kept.trust, number: 3, revoked: [{ id: 'peer9', throughGeneration: 2 }] }
  expect(authority.trust.adopt(lost)).toBe(true)
  kept.accept(authority.trust.signed)
  expect(kept.accept(authority.revoke('peer2'))).toBe(true)
  expect(kept.trust.revoked.map(({ id }) => id)).toEqual(['peer9', 'peer2'])
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const again = await authority.join({ ...(await joining('peer9')), secret })
  expect(again.identity.generation).toBe(3)
})

test('a member whose revocation a restored authority learns of leaves no token behind', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  const admin = await cluster.member('admin1', 'admin')
  await cluster.member('peer1')
  const made = authority.tokens.create({ role: 'admin', forMs: hour, by: 'admin1' })
  const revoked = [{ id: 'admin1', throughGeneration: 1 }]
  expect(authority.trust.adopt({ ...admin.trust, number: 3, revoked })).toBe(true)
  expect(() => authority.tokens.check(made)).toThrow('the token was revoked')
  const open = authority.tokens.list().filter(({ isRevoked }) => !isRevoked)
  expect(open.map(({ role }) => role)).toEqual(['peer'])
})

test('a member takes over only a certificate of its own, from its authority', async () => {
  await using cluster = await TestCluster.create()
  await using other = await TestCluster.create()
  const member = await cluster.member('peer1')
  const { key } = member.credentials
  const before = member.credentials.cert
  for (const from of [await other.member('peer1'), await cluster.member('peer2')]) {
    const material = { key, chain: from.credentials.cert, signedTrust: member.signedTrust }
    await expect(member.replace(material)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' })
    const whole = { ...material, key: from.credentials.key }
    await expect(member.replace(whole)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' })
  }
  expect(member.credentials.cert).toBe(before)
  await member.replace({ key, ...(await chainOf(cluster, member)) })
})

async function chainOf(
  { authority }: TestCluster,
  { self, credentials }: NodeIdentity,
): Promise<{ chain: string; signedTrust: SignedTrust }> {
  const { certificate, trust } = await authority.renew(self, await requestOf(credentials.key))
  return { chain: certificate, signedTrust: trust }
}

test('the documents of the own authority are taken over after several changes', async () => {
  await using cluster = await TestCluster.create()
  const { authority, own } = cluster
  await cluster.member('peer1')
  await authority.trust.rotate()
  authority.trust.endRotation()
  // Signed by the new key only, which the own process has not heard of.
  const last = authority.revoke('peer1')
  expect(() => own.accept(last)).toThrow('not signed')
  expect(own.acceptOwn(last)).toBe(true)
})
