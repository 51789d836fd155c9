/** What admins have the authority do over the network, and others may not. */
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { AdminMessage } from '../protocol/cluster-desk.ts'
import type { RequestOf } from '../protocol/messages.ts'
import { TlsTransport } from '../protocol/tls-transport.ts'
import type { Address } from '../protocol/transport.ts'
import { systemRandom } from '../random.ts'
import { openDoor } from '../testing/doors.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { Authority } from './authority.ts'
import { AuthorityDesk } from './authority-desk.ts'
import { type AskAuthority, AuthorityLink, askDesk } from './authority-link.ts'
import type { TokenRole } from './cluster-role.ts'
import type { NodeIdentity } from './node-identity.ts'
import type { SecurityNews } from './security-news.ts'
import { makeRequest } from './x509.ts'

const hour = 3_600_000
const address = { host: 'index.test', port: 7_000 }
const clock = systemClock

/** A cluster whose authority answers on a port of this machine. */
async function openAuthority() {
  const stack = new AsyncDisposableStack()
  onTestFinished(async () => await stack.disposeAsync())
  const cluster = stack.use(await TestCluster.create())
  const { authority, own: identity } = cluster
  const news: SecurityNews[] = []
  const logged: unknown[] = []
  const keep = (...line: unknown[]): unknown => logged.push(line)
  const log: Log = { ...silentLog, debug: keep, info: keep, warn: keep, error: keep }
  const told = { resolve: async () => [], issuerShownBy: () => undefined }
  const onNews = (one: SecurityNews): unknown => news.push(one)
  const desk = stack.use(
    new AuthorityDesk({ authority, identity, address, ...told, onNews, clock, log }),
  )
  const door = stack.use(await openDoor(identity, { desk }))
  authority.tokens.takeNews()
  /** The link of a member that has joined at this port. */
  const linkAs = (member: NodeIdentity, port = door.port): AuthorityLink => {
    const transport = stack.use(new TlsTransport(member, { clock, log: silentLog }))
    const { self, trust } = member
    const identity = { self, trust, joinedAt: `127.0.0.1:${port}` }
    return new AuthorityLink({ identity, transport, given: undefined }, { clock, log: silentLog })
  }
  const askAs = (...member: Parameters<typeof linkAs>): AskAuthority => linkAs(...member).ask
  return {
    cluster,
    desk,
    news,
    logged,
    door,
    linkAs,
    askAs,
    async member(id: string, role: TokenRole): Promise<NodeIdentity> {
      const member = await cluster.member(id, role)
      // The desk may have told already that a token was made for it.
      authority.tokens.takeNews()
      news.length = 0
      return member
    },
  }
}

test('an admin makes, lists and revokes tokens; the events say who, and no secret', async () => {
  const open = await openAuthority()
  const ask = open.askAs(await open.member('boss', 'admin'))
  const made = await ask('create-join-token', { role: 'peer', forMs: hour, usesMax: 1 })
  expect(made.command).toBe(`tandem peer --join ${made.token}`)
  expect(made.token).toContain('@index.test:7000')
  const secret = made.token.slice(-`${'f'.repeat(32)}@index.test:7000`.length).slice(0, 32)
  await open.cluster.authority.join({
    secret,
    id: 'new',
    names: [],
    request: (await makeRequest('new')).request,
  })
  const { tokens } = await ask('join-tokens', {})
  expect(tokens.find(({ tokenId }) => tokenId === made.tokenId)).toMatchObject({
    role: 'peer',
    usesMax: 1,
    uses: 1,
    expiresMs: made.expiresMs,
  })
  const revoked = await ask('revoke-join-token', { tokenId: made.tokenId, members: true })
  expect(revoked).toEqual({ tokenId: made.tokenId, members: ['new'] })
  const { tokenId, expiresMs } = made
  const token = { tokenId, role: 'peer', usesMax: 1, expiresMs }
  expect(open.news).toMatchObject([
    { kind: 'token-created', by: 'boss', token },
    { kind: 'revoked', by: 'boss', id: 'new' },
    { kind: 'token-revoked', by: 'boss', token },
  ])
  const said = JSON.stringify([open.news, open.logged, tokens])
  expect(said).toContain(tokenId)
  expect(said).not.toContain(secret.slice(8))
  await expect(ask('revoke-join-token', { tokenId: 'ffffffff' })).rejects.toMatchObject({
    code: 'JOIN_TOKEN_UNKNOWN',
  })
})

test('an admin that is revoked, or is one no longer, leaves no token behind', async () => {
  const open = await openAuthority()
  const { authority } = open.cluster
  const boss = open.askAs(await open.member('boss', 'admin'))
  const second = await open.member('second', 'admin')
  const made = await open.askAs(second)('create-join-token', { role: 'admin', forMs: hour })
  const revoked = (): string[] =>
    authority.tokens.list().flatMap(({ isRevoked, tokenId }) => (isRevoked ? [tokenId] : []))
  expect(revoked()).toEqual([])
  expect((await boss('join-tokens', {})).tokens).toContainEqual(
    expect.objectContaining({ tokenId: made.tokenId, createdBy: 'second' }),
  )
  await boss('revoke-member', { id: 'second' })
  // Also the one that it has joined with.
  expect(revoked()).toContain(made.tokenId)
  expect(revoked()).toHaveLength(2)

  const third = await open.member('third', 'admin')
  const other = await open.askAs(third)('create-join-token', { role: 'peer', forMs: hour })
  const { request } = await makeRequest('third', third.credentials.key)
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  await authority.join({ secret, id: 'third', names: [], request })
  expect(revoked()).toContain(other.tokenId)
  expect(() => authority.tokens.check(secret)).not.toThrow()
})

test('an admin that a command on the machine of the authority revokes makes no token while it is connected', async () => {
  const open = await openAuthority()
  const second = await open.member('second', 'admin')
  using command = Authority.open(open.cluster.authorityFolder, { clock, random: systemRandom })
  const before = command.tokens.list()
  command.revoke('second')
  const asker = { proven: second.self }
  for (const type of Object.keys(asked) as AdminMessage[]) {
    const ask = open.desk.administration[type] as (request: unknown, by: typeof asker) => unknown
    expect(() => ask(asked[type], asker)).toThrow('second was revoked')
  }
  expect(command.tokens.list()).toHaveLength(before.length)
  expect(open.cluster.own.isRevoked(second.self)).toBe(true)
})

test('what a command on the machine of the authority has revoked is not told as the work of an admin', async () => {
  const open = await openAuthority()
  const boss = await open.member('boss', 'admin')
  for (const id of ['one', 'two']) await open.member(id, 'peer')
  using command = Authority.open(open.cluster.authorityFolder, { clock, random: systemRandom })
  command.revoke('one')
  await open.desk.administration['revoke-member']({ id: 'two' }, { proven: boss.self })
  expect(open.news.filter(({ kind }) => kind === 'revoked')).toEqual([
    { kind: 'revoked', id: 'one', by: undefined },
    { kind: 'revoked', id: 'two', by: 'boss' },
  ])
})

const asked: { readonly [T in AdminMessage]: RequestOf<T> } = {
  'revoke-member': { id: 'boss' },
  'create-join-token': { role: 'admin', forMs: hour },
  'join-tokens': {},
  'revoke-join-token': { tokenId: '00000000' },
}

const refused = (['peer', 'reader'] as const).flatMap((role) =>
  (Object.keys(asked) as AdminMessage[]).map((type) => [role, type] as const),
)

test.each(refused)('of a %s, %s is refused before it does anything', async (role, type) => {
  const open = await openAuthority()
  await open.member('boss', 'admin')
  const before = open.cluster.authority.tokens.list()
  const ask = open.askAs(await open.member('other', role))
  await expect(ask(type, asked[type])).rejects.toMatchObject({
    code: 'FORBIDDEN',
    message: `A ${role} may not send ${type}: that requires an admin, which is a peer that joined with a token of that role.`,
  })
  expect(open.news).toEqual([])
  expect(open.cluster.authority.tokens.list()).toHaveLength(before.length + 1)
})

test('an authority that is away, or has moved, is named with its address', async () => {
  const open = await openAuthority()
  const boss = await open.member('boss', 'admin')
  await using elsewhere = await openDoor(await open.member('peer1', 'peer'), { role: 'peer' })
  await expect(open.askAs(boss, elsewhere.port)('join-tokens', {})).rejects.toThrow(
    `at 127.0.0.1:${elsewhere.port}, cannot be reached: another member of the cluster answers there.`,
  )
  await elsewhere[Symbol.asyncDispose]()
  await expect(open.askAs(boss, elsewhere.port)('join-tokens', {})).rejects.toMatchObject({
    code: 'AUTHORITY_UNREACHABLE',
    retryable: true,
    details: { address: `127.0.0.1:${elsewhere.port}` },
  })
})

test('an authority that has moved is found where the members of its mesh know it to be', async () => {
  const open = await openAuthority()
  const boss = await open.member('boss', 'admin')
  await using former = await openDoor(await open.member('peer1', 'peer'), { role: 'peer' })
  const known: Record<string, Address> = {}
  const link = open.linkAs(boss, former.port)
  await expect(link.ask('join-tokens', {})).rejects.toThrow('another member of the cluster')
  link.findBy((id) => known[id])
  known['index'] = { host: '127.0.0.1', port: open.door.port }
  expect(await link.ask('join-tokens', {})).toHaveProperty('tokens')
  // What others say is verified: a member that says that it is the authority is not.
  known['index'] = { host: '127.0.0.1', port: former.port }
  const unmoved = open.linkAs(boss, open.door.port)
  unmoved.findBy((id) => known[id])
  expect(await unmoved.ask('join-tokens', {})).toHaveProperty('tokens')
})

test('the id of the authority is in the trust document, also in one of an earlier version', async () => {
  await using cluster = await TestCluster.create()
  const { authority, own } = cluster
  expect(own.trust).toMatchObject({ number: 1, authorityId: 'index' })
  authority.trust.sayWhoHasIt('index')
  expect(authority.trust.current.number).toBe(1)
  authority.trust.sayWhoHasIt('peer1')
  own.accept(authority.trust.signed)
  expect(own.trust).toMatchObject({ number: 2, authorityId: 'peer1' })
})

test('the process that has the authority asks itself', async () => {
  const { desk, cluster, news } = await openAuthority()
  const ask = askDesk(desk, cluster.own)
  const { tokenId } = await ask('create-join-token', { role: 'reader', forMs: hour })
  expect(news).toMatchObject([{ kind: 'token-created', by: 'index', token: { tokenId } }])
})
