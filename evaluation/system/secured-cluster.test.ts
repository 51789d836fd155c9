/** Secured clusters of real processes: joining, ids, revocation, renewal and replacement of the authority's key. */
import { cp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { Authority } from '../../common/identity/authority.ts'
import { readIdentityFiles, writeIdentityFiles } from '../../common/identity/identity-files.ts'
import { NodeIdentity } from '../../common/identity/node-identity.ts'
import { makeRequest } from '../../common/identity/x509.ts'
import { systemRandom } from '../../common/random.ts'
import { asMember, talk } from '../../common/testing/doors.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { apiOf, type Cluster, freePorts, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { statesAt } from './mesh-checks.ts'
import { quickMesh } from './mesh-fixture.ts'
import { Recorder } from './recorder.ts'
import { type Ended, runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const day = 24 * 3_600_000
/** A revocation takes effect everywhere within this time. */
const revokedMs = 10_000

const linesOf = ({ output }: TandemProcess, text: string): string[] =>
  output.filter((line) => line.includes(text))

const folderOf = ({ dataFolder }: TandemProcess): string => join(dataFolder, '.tandem/cluster')

async function identityOf(peer: TandemProcess): Promise<NodeIdentity> {
  const identity = await NodeIdentity.open(folderOf(peer), { log: silentLog })
  if (identity === undefined) throw new Error(`${peer.name} has no identity`)
  return identity
}

/** A command on the machine of the authority. */
async function atAuthority({ index }: Cluster, ...words: string[]): Promise<Ended> {
  const { port, dataFolder } = index
  const ended = await runTandem([...words, '--data', dataFolder, '--port', String(port)])
  expect(ended, words.join(' ')).toMatchObject({ code: 0 })
  return ended
}

async function tokenOf(cluster: Cluster, ...options: string[]): Promise<string> {
  const { stdout } = await atAuthority(cluster, 'token', 'create', '--json', ...options)
  return (JSON.parse(stdout) as { token: string }).token
}

interface Options {
  readonly peers: number
  readonly mesh?: boolean
}

/** Each peer shares a file of its name. */
async function startSecured({ peers, mesh = false }: Options): Promise<Cluster> {
  await using starting = new AsyncDisposableStack()
  const settings = {
    ...quickMesh,
    index: { ...quickMesh.index, secure: true },
    peer: { ...quickMesh.peer, mesh },
  }
  const prepare = async (peerId: string, shared: string): Promise<void> => {
    await aFile(shared, `of ${peerId}`, { bytes: 50_000 })
  }
  const cluster = starting.use(await startCluster({ peers: 0, settings, prepare }))
  const token = await tokenOf(cluster)
  while (cluster.peers.length < peers)
    await cluster.startPeer(undefined, { flags: ['--join', token] })
  const stack = starting.move()
  return { ...cluster, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function untilAtRest(peer: TandemProcess, live: number): Promise<void> {
  using api = apiOf(peer)
  await expect
    .poll(() => api.status(), { message: peer.name })
    .toMatchObject({ peers: { live }, belowFactor: 0, tasks: { waiting: 0, running: 0 } })
}

/** What the process at the port answers to the hello of this member. */
async function answerTo(member: NodeIdentity, port: number): Promise<string> {
  const { answers, reasons, failure } = await talk(port, asMember(member))
  return [...answers, ...reasons, failure].join(' ').trim()
}

test('a cluster secures itself, copies and downloads, and needs its tokens only once', async () => {
  await using cluster = await startSecured({ peers: 3 })
  const [first, second, third] = [cluster.peer(1), cluster.peer(2), cluster.peer(3)]
  await untilAtRest(first, 3)
  const found = await downloadAndHash(third, { name: 'of peer1' })
  expect(found.sha256OnDisk).toBe(found.sha256)
  // Keys are only for their owner.
  for (const folder of [folderOf(first), join(cluster.index.dataFolder, 'cluster')]) {
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o077, name).toBe(0)
  }

  for (const { tokenId } of JSON.parse(
    (await atAuthority(cluster, 'token', 'list', '--json')).stdout,
  ) as { tokenId: string }[])
    await atAuthority(cluster, 'token', 'revoke', tokenId)
  await cluster.index.restart()
  await Promise.all([first.restart(), second.restart()])
  await untilAtRest(third, 3)
  expect(linesOf(first, 'joined the secured cluster')).toHaveLength(1)

  // The authority is at the index: without its own identity, it makes another one.
  await cluster.index.kill()
  await rm(join(cluster.index.dataFolder, 'cluster/node.pem'))
  await cluster.index.start()
  await untilAtRest(third, 3)
  expect(await answerTo(await identityOf(third), cluster.index.port)).toBe('ok')
})

test('two processes with one id: the second is refused, and disturbs the first in nothing', async () => {
  await using cluster = await startSecured({ peers: 2 })
  const [first, other] = [cluster.peer(1), cluster.peer(2)]
  await untilAtRest(other, 2)
  // With a copy of the key: the same member, twice.
  const dataFolder = join(cluster.folder, 'copy')
  await cp(first.dataFolder, dataFolder, { recursive: true, preserveTimestamps: true })
  const copy = await cluster.startPeer('peer1', { dataFolder })
  await expect.poll(() => linesOf(copy, 'PEER_ID_TAKEN')).toHaveLength(1)
  await aFile(join(first.dataFolder, 'shared'), 'later')
  using api = apiOf(other)
  await expect.poll(() => api.status()).toMatchObject({ contents: 3, belowFactor: 0 })
  expect(linesOf(first, 'registered at the index')).toHaveLength(1)
  expect(linesOf(copy, 'registered at the index')).toEqual([])
  await copy.kill('SIGKILL')

  // With a valid token, but without the key.
  const [port, httpPort] = await freePorts()
  const data = join(cluster.folder, 'stranger')
  const ports = ['--port', String(port), '--http-port', String(httpPort)]
  const stranger = ['peer', '--peer', 'peer1', '--data', data, ...ports, '--headless']
  const ended = await runTandem([...stranger, '--join', await tokenOf(cluster)])
  expect(ended.code).toBeGreaterThan(0)
  expect(ended.stderr).toContain("The id 'peer1' belongs to another key")
  expect(linesOf(first, 'registered at the index')).toHaveLength(1)
})

test('a wrong token ends the command with what is wrong and what to do', async () => {
  await using cluster = await startSecured({ peers: 0 })
  const good = await tokenOf(cluster)
  const [port, httpPort] = await freePorts()
  const joining = async (token: string): Promise<string> => {
    const data = join(cluster.folder, 'new')
    const ports = ['--port', String(port), '--http-port', String(httpPort)]
    const words = ['peer', '--peer', 'new', '--data', data, ...ports, '--headless', '--join', token]
    const { code, stderr } = await runTandem(words)
    return `${code} ${stderr}`
  }
  const changed = (at: number): string =>
    `${good.slice(0, at)}${good.at(at) === '0' ? '1' : '0'}${good.slice(at + 1)}`
  expect(await joining(changed(good.indexOf('@') - 1))).toMatch(
    /^[1-9].*the token is not one of this cluster\. To make a new token, run `tandem token create`/,
  )
  expect(await joining(changed(20))).toMatch(/^[1-9].*not the authority that the token names/)
  expect(await joining(good.slice(0, 60))).toMatch(/^[1-9].*not a whole join token/)
  const [listed] = JSON.parse((await atAuthority(cluster, 'token', 'list', '--json')).stdout) as {
    tokenId: string
  }[]
  await atAuthority(cluster, 'token', 'revoke', listed?.tokenId ?? '')
  expect(await joining(good)).toMatch(/^[1-9].*the token was revoked/)
})

test('a revoked peer is out everywhere in ten seconds, also where the index cannot be reached', async () => {
  await using stack = new AsyncDisposableStack()
  await using cluster = await startSecured({ peers: 3, mesh: true })
  const [first, second, third] = [cluster.peer(1), cluster.peer(2), cluster.peer(3)]
  // The fourth reaches the index only through a relay.
  const relay = stack.use(await Recorder.before(cluster.index.port, { host: '127.0.0.1' }))
  const toRelay = ['--index', `127.0.0.1:${relay.port}`, '--join', await tokenOf(cluster)]
  const fourth = await cluster.startPeer('peer4', { flags: toRelay })
  for (const peer of cluster.peers) {
    await untilAtRest(peer, 4)
    using api = apiOf(peer)
    await expect.poll(() => api.mesh()).toMatchObject({ live: 4 })
  }
  const revoked = await identityOf(third)
  for (const { port } of [cluster.index, first, fourth])
    expect(await answerTo(revoked, port)).toBe('ok')
  await relay[Symbol.asyncDispose]()

  await atAuthority(cluster, 'cluster', 'revoke', 'peer3')
  const sinceMs = systemClock.monotonicMs()
  const refused = 'CERTIFICATE_REFUSED peer3 was revoked'
  const everywhere = [cluster.index, first, second, fourth]
  const answers = (): Promise<string[]> =>
    Promise.all(everywhere.map(({ port }) => answerTo(revoked, port)))
  await expect.poll(answers, { timeout: revokedMs }).toEqual(everywhere.map(() => refused))
  const tookMs = systemClock.monotonicMs() - sinceMs
  expect(tookMs).toBeLessThan(revokedMs)
  expect(linesOf(cluster.index, 'a member was revoked')).toHaveLength(1)
  await expect.poll(async () => (await statesAt(first))['peer3']).not.toBe('live')

  // It stays out while the index is away, and of peers that have restarted meanwhile.
  await cluster.index.kill('SIGKILL')
  await second.restart()
  for (const { port } of [first, second, fourth])
    expect(await answerTo(revoked, port)).toBe(refused)
  await third.restart()
  await cluster.index.start()
  await expect.poll(() => linesOf(third, 'peer3 was revoked').length).toBeGreaterThan(0)
  expect((await statesAt(first))['peer3']).not.toBe('live')
})

test('certificates are renewed after two thirds of their time', async () => {
  await using cluster = await startSecured({ peers: 2 })
  const peer = cluster.peer(1)
  await untilAtRest(peer, 2)
  await peer.kill()
  const identity = await identityOf(peer)
  // As if it had joined 70 days ago.
  const clock = new FakeClock(systemClock.nowMs() - 70 * day)
  const dependencies = { clock, random: systemRandom }
  using authority = Authority.open(join(cluster.index.dataFolder, 'cluster'), dependencies)
  const { key } = identity.credentials
  const { request } = await makeRequest('peer1', key)
  const { certificate, trust } = await authority.renew(identity.self, { request, names: [] })
  await writeIdentityFiles(folderOf(peer), {
    key,
    chain: certificate,
    signedTrust: trust,
    joinedAt: identity.joinedAt,
  })
  const validForMs = async (): Promise<number> =>
    (await identityOf(peer)).validity.toMs - systemClock.nowMs()
  expect(await validForMs()).toBeLessThan(21 * day)
  await peer.start()
  await expect.poll(validForMs).toBeGreaterThan(89 * day)
  await untilAtRest(peer, 2)
  expect((await identityOf(peer)).credentials.key).toBe(key)
})

test('the key of the authority is replaced while the cluster runs; who was away comes back', async () => {
  await using cluster = await startSecured({ peers: 3 })
  const [first, second, away] = [cluster.peer(1), cluster.peer(2), cluster.peer(3)]
  await untilAtRest(first, 3)
  const authorities = async (): Promise<string[]> => {
    const { stdout } = await atAuthority(cluster, 'cluster', 'status', '--json')
    return (JSON.parse(stdout) as { authorities: string[] }).authorities
  }
  const [old] = await authorities()
  await away.kill()
  await atAuthority(cluster, 'cluster', 'rotate-ca')
  for (const peer of [first, second])
    await expect.poll(async () => (await identityOf(peer)).issuer).not.toBe(old)
  expect(await authorities()).toHaveLength(2)
  await away.start()
  await expect.poll(async () => await authorities()).toHaveLength(1)
  await untilAtRest(first, 3)
  await expect.poll(async () => (await identityOf(first)).trust.authorities).toHaveLength(1)

  // Without waiting for it, it has to join again, and keeps its files.
  await away.kill()
  await atAuthority(cluster, 'cluster', 'rotate-ca')
  for (const peer of [first, second])
    await expect
      .poll(async () => (await identityOf(peer)).trust.authorities, { message: peer.name })
      .toHaveLength(2)
  const former = await identityOf(away)
  for (const peer of [first, second])
    await expect.poll(async () => (await identityOf(peer)).issuer).not.toBe(former.issuer)
  await atAuthority(cluster, 'cluster', 'rotate-ca', '--finish')
  for (const { port } of [cluster.index, first])
    await expect.poll(() => answerTo(former, port)).toContain('CERTIFICATE_REFUSED')
  const joining = ['cluster', 'join', await tokenOf(cluster), '--id', 'peer3']
  expect(await runTandem([...joining, '--identity', folderOf(away)])).toMatchObject({ code: 0 })
  await away.start()
  await untilAtRest(first, 3)
  expect((await readIdentityFiles(folderOf(away)))?.key).toBe(former.credentials.key)
})
