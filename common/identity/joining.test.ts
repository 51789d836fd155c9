/** Join tokens over real connections: guessed, replayed, shown to others, and with someone in between. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { systemRandom } from '../random.ts'
import {
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
import { Relay } from '../testing/relay.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { AuthorityDesk } from './authority-desk.ts'
import { AuthorityStore } from './authority-store.ts'
import type { TokenRole } from './cluster-role.ts'
import { joinCluster } from './join-cluster.ts'
import { NodeIdentity } from './node-identity.ts'
import type { SecurityNews } from './security-news.ts'
import { issueCertificate, makeAuthority, makeRequest, readRequest } from './x509.ts'

const hour = 3_600_000

interface OpenCluster extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly clock: FakeClock
  readonly door: Door
  readonly news: readonly SecurityNews[]
  /** Warnings of the authority. */
  readonly warnings: readonly object[]
  /** Host names that were looked up. */
  readonly resolved: readonly string[]
  /** Joins as a process does, by default at the authority. */
  join(secret: string, id: string, port?: number): Promise<NodeIdentity | undefined>
}

/** A cluster whose authority answers on a port of this machine. */
async function openAuthority(): Promise<OpenCluster> {
  const clock = new FakeClock(systemClock.nowMs())
  const cluster = await TestCluster.create({ clock })
  const { authority, own: identity } = cluster
  const news: SecurityNews[] = []
  const warnings: object[] = []
  const log: Log = { ...silentLog, warn: (fields: object) => warnings.push(fields) }
  const resolved: string[] = []
  const resolve = async (name: string): Promise<string[]> => {
    resolved.push(name)
    return []
  }
  const onNews = (one: SecurityNews): unknown => news.push(one)
  const issuerShownBy = (): undefined => undefined
  const address = { host: 'index.test', port: 7000 }
  const parts = { authority, identity, address, resolve, issuerShownBy, onNews, clock, log }
  const desk = new AuthorityDesk(parts)
  const door = await openDoor(identity, { desk, clock })
  return {
    cluster,
    clock,
    door,
    news,
    warnings,
    resolved,
    async join(secret, id, port = door.port) {
      const folder = join(cluster.folder, id)
      const address = { host: '127.0.0.1', port }
      const token = { authority: authority.digest, secret, address }
      await joinCluster({ token, id, names: ['a.test'], folder }, { clock: systemClock, log })
      return await NodeIdentity.open(folder, { log })
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]()
      desk[Symbol.dispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

async function joining(secret: string, id: string, key?: string): Promise<Request> {
  const { request } = await makeRequest(id, key)
  return ['join-cluster', { secret, id, request, names: ['b.test'] }]
}

const guesses = 1_000
/** Two that differ in the middle look alike to a comparison that ends early. */
const guessOf = (secret: string, number: number): string =>
  `${secret.slice(0, 8)}${number.toString(16).padStart(24, '0')}`

test('a secret that is guessed a thousand times, in parallel, is compared ten times', async () => {
  await using open = await openAuthority()
  const { cluster, door, clock, resolved } = open
  const secret = cluster.authority.tokens.create({ role: 'peer', forMs: hour })
  const [, body] = await joining(secret, 'guesser')
  const all = Array.from({ length: guesses }, (_, number): Request => {
    return ['join-cluster', { ...(body as object), secret: guessOf(secret, number) }]
  })
  const counts: Record<string, number> = {}
  const count = (answers: readonly string[]): void => {
    for (const code of answers) counts[code] = (counts[code] ?? 0) + 1
  }
  const inParts = Array.from({ length: 10 }, (_, part) => all.slice(part * 100, part * 100 + 100))
  const from = { ...asJoiner, localAddress: '127.0.0.9' }
  const talks = inParts.map((part) => talk(door.port, from, [clientHello, ...part]))
  for (const { answers } of await Promise.all(talks)) count(answers)
  expect(counts).toEqual({ ok: 10, JOIN_REFUSED: 10, TOO_MANY_ATTEMPTS: 990 })
  // No names are looked up for those without a token.
  expect(resolved).toEqual([])
  expect(open.warnings).toMatchObject([{ host: '127.0.0.9', untold: 0 }])

  // The right secret does not help the host that guessed; others join meanwhile.
  const right = await joining(secret, 'guesser')
  const late = await talk(door.port, from, [clientHello, right])
  expect(late.answers).toEqual(['ok', 'TOO_MANY_ATTEMPTS'])
  expect((await open.join(secret, 'peer1'))?.self.id).toBe('peer1')
  await clock.advance(60_000)
  expect((await talk(door.port, from, [clientHello, right])).answers).toEqual(['ok', 'ok'])
})

test('a token that was used up, has expired or was revoked lets in no other', async () => {
  await using open = await openAuthority()
  const { authority } = open.cluster
  const once = authority.tokens.create({ role: 'peer', forMs: hour, usesMax: 1 })
  expect((await open.join(once, 'peer1'))?.self).toMatchObject({ id: 'peer1', role: 'peer' })
  await expect(open.join(once, 'peer2')).rejects.toThrow('has been used')
  const both = authority.tokens.create({ role: 'peer', forMs: hour, usesMax: 1 })
  const racing = await Promise.allSettled([open.join(both, 'peer3'), open.join(both, 'peer4')])
  expect(racing.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  const revoked = authority.tokens.create({ role: 'peer', forMs: hour })
  authority.tokens.revoke(revoked.slice(0, 8))
  await expect(open.join(revoked, 'peer5')).rejects.toThrow('was revoked')
  const brief = authority.tokens.create({ role: 'peer', forMs: hour })
  await open.clock.advance(hour)
  await expect(open.join(brief, 'peer6')).rejects.toThrow('has expired')
  const failed = open.news.filter(({ kind }) => kind === 'join-refused')
  expect(failed).toHaveLength(4)
})

test('a request to join that is replayed gives its sender nothing', async () => {
  await using open = await openAuthority()
  const { authority } = open.cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour, usesMax: 1 })
  const request = await joining(secret, 'peer1')
  expect((await talk(open.door.port, asJoiner, [clientHello, request])).answers[1]).toBe('ok')
  // It gets a certificate for a key that it does not have, and takes no other use.
  expect((await talk(open.door.port, asJoiner, [clientHello, request])).answers[1]).toBe('ok')
  expect(authority.tokens.list()).toMatchObject([{ uses: 1 }])
  expect(authority.overview.members.map(({ id }) => id)).toEqual(['index', 'peer1'])
})

test('a revoked member does not come back with the token it joined with, under any id', async () => {
  await using open = await openAuthority()
  const { authority } = open.cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const peer1 = await open.join(secret, 'peer1')
  const stays = await open.join(authority.tokens.create({ role: 'peer', forMs: hour }), 'peer2')
  authority.revoke('peer1')
  open.cluster.own.accept(authority.trust.signed)
  const again = await joining(secret, 'peer1', peer1?.credentials.key)
  for (const request of [again, await joining(secret, 'peer9')]) {
    const { answers, reasons } = await talk(open.door.port, asJoiner, [clientHello, request])
    expect([answers[1], reasons[0]]).toEqual(['JOIN_REFUSED', 'the token was revoked'])
  }
  const options = peer1 && asMember(peer1)
  expect((await talk(open.door.port, options, [again])).answers).toEqual(['CERTIFICATE_REFUSED'])
  expect((await talk(open.door.port, stays && asMember(stays))).answers).toEqual(['ok'])
})

test('a member cannot join as another one, or give itself a role', async () => {
  await using open = await openAuthority()
  const { authority } = open.cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const readers = authority.tokens.create({ role: 'reader', forMs: hour })
  const ci = await open.join(readers, 'ci')
  await open.join(secret, 'peer1')
  const asCi = ci && asMember(ci)
  const attempt = async (request: Request): Promise<string | undefined> =>
    (await talk(open.door.port, asCi, [clientHello, request])).answers[1]
  expect(await attempt(await joining(readers, 'peer1'))).toBe('CERTIFICATE_REFUSED')
  const anonymous = await talk(open.door.port, asJoiner, [
    clientHello,
    await joining(readers, 'peer1'),
  ])
  expect(anonymous.answers[1]).toBe('MEMBER_EXISTS')
  expect(await attempt(['revoke-member', { id: 'peer1' }])).toBe('FORBIDDEN')
  const { request } = await makeRequest('ci')
  // With another key than the one that it has.
  expect(await attempt(['renew-certificate', { request, names: [] }])).toBe('CERTIFICATE_REFUSED')
})

test('a member that has another role with fewer rights cannot use its certificate before that', async () => {
  await using open = await openAuthority()
  const { authority, own } = open.cluster
  const tokenFor = (role: TokenRole): string => authority.tokens.create({ role, forMs: hour })
  const admins = tokenFor('admin')
  const asAdmin = await open.join(admins, 'ops')
  const request = await joining(tokenFor('reader'), 'ops', asAdmin?.credentials.key)
  expect((await talk(open.door.port, asJoiner, [clientHello, request])).answers[1]).toBe('ok')
  expect(own.trust.revoked).toEqual([{ id: 'ops', throughGeneration: 1 }])
  const before = asAdmin && asMember(asAdmin)
  expect((await talk(open.door.port, before)).answers).toEqual(['CERTIFICATE_REFUSED'])
  // Nor does the token bring the rights back, which it knows.
  const back = await joining(admins, 'ops', asAdmin?.credentials.key)
  const { answers, reasons } = await talk(open.door.port, asJoiner, [clientHello, back])
  expect([answers[1], reasons[0]]).toEqual(['JOIN_REFUSED', 'the token was revoked'])
})

test('a member that asks for certificates again and again gets one, until the authority is another', async () => {
  await using open = await openAuthority()
  const { authority, own } = open.cluster
  const ci = await open.join(authority.tokens.create({ role: 'reader', forMs: hour }), 'ci')
  const { request } = await makeRequest('ci', ci?.credentials.key)
  const renewal: Request = ['renew-certificate', { request, names: ['c.test'] }]
  const renewals = async (): Promise<readonly string[]> => {
    const requests = [clientHello, ...Array<Request>(20).fill(renewal)]
    return (await talk(open.door.port, ci && asMember(ci), requests)).answers.slice(1).toSorted()
  }
  const refused = Array<string>(19).fill('RENEWED_RECENTLY')
  const before = open.resolved.length
  expect(await renewals()).toEqual([...refused, 'ok'])
  expect(open.resolved.slice(before).toSorted()).toEqual(['c.test', 'ci'])
  own.accept(await authority.trust.rotate())
  expect(await renewals()).toEqual([...refused, 'ok'])
  await open.clock.advance(300_000)
  expect(await renewals()).toEqual([...refused, 'ok'])
})

test('someone in between is found out before the secret is sent', async () => {
  await using open = await openAuthority()
  await using other = await TestCluster.create()
  const { authority, authorityFolder } = open.cluster
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const ALPNProtocols = ['tandem-join/1']
  const refusal = async (options: object): Promise<unknown> => {
    await using between = await otherServer({ ALPNProtocols, ...options })
    const failure: unknown = await open.join(secret, 'victim', between.port).catch(String)
    expect(Buffer.concat(between.received).length).toBe(0)
    return failure
  }
  // With its own authority, and with one that claims the name and certificate of the real one.
  expect(await refusal(other.own.credentials)).toContain('its authority has another key')
  using store = new AuthorityStore(authorityFolder)
  const [real] = store.authorities()
  const own = await makeAuthority({ nowMs: open.clock.nowMs(), forMs: hour }, systemRandom)
  const signer = { key: own.key, certificate: real?.certificate ?? '' }
  const { key, request } = await makeRequest('index')
  const read = await readRequest(request)
  const identity = { ...open.cluster.own.self }
  const validity = { nowMs: open.clock.nowMs(), forMs: hour }
  if (read === undefined) throw new Error('the request is malformed')
  const forged = await issueCertificate(
    read.publicKey,
    signer,
    { identity, names: [], ...validity },
    systemRandom,
  )
  const chain = [forged, real?.certificate].join('\n')
  expect(await refusal({ key, cert: chain })).toContain('its certificate is forged')
  // The real chain without its key proves nothing: the handshake fails.
  const member = await open.cluster.member('insider')
  expect(await refusal(member.credentials)).toContain('a member of the cluster, not its authority')
  const posing = { key: member.credentials.key, cert: `${forged}\n${member.credentials.cert}` }
  await expect(refusal(posing)).rejects.toThrow('key values mismatch')
  expect(await refusal({ key, cert: forged })).toContain('no certificate of a cluster')
  // Who has stolen an old key of the authority’s process has no use for it.
  const past = { nowMs: open.clock.nowMs() - 3 * hour, forMs: hour }
  const expired = await issueCertificate(
    read.publicKey,
    { key: real?.key ?? '', certificate: real?.certificate ?? '' },
    { identity, names: [], ...past },
    systemRandom,
  )
  const former = { key, cert: `${expired}\n${real?.certificate}` }
  expect(await refusal(former)).toContain('its certificate has expired')
  expect(await readdir(open.cluster.folder)).not.toContain('victim')
  const used = authority.tokens.list().find(({ tokenId }) => secret.startsWith(tokenId))
  expect(used).toMatchObject({ uses: 0 })
})

test('who listens to a join reads neither the secret nor the id', async () => {
  await using open = await openAuthority()
  const secret = open.cluster.authority.tokens.create({ role: 'peer', forMs: hour })
  const recorded: Buffer[] = []
  await using relay = await Relay.before(open.door.port, { host: '127.0.0.1' }, (from, to) => {
    from.on('data', (bytes: Buffer) => recorded.push(bytes)).pipe(to)
  })
  expect((await open.join(secret, 'listened-to', relay.port))?.self.id).toBe('listened-to')
  const text = Buffer.concat(recorded).toString('latin1')
  expect(text.length).toBeGreaterThan(2_000)
  for (const word of [secret, secret.slice(8), 'listened-to', 'join-cluster', 'CERTIFICATE'])
    expect(text).not.toContain(word)
})
