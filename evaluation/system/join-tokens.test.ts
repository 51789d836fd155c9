/** Join tokens that an admin has made over the network, in a cluster and in a mesh of real processes. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { CallReply } from '../../peer/api/calls.ts'
import { apiOf, type Cluster, freePorts, startCluster } from './cluster-fixture.ts'
import { statesAt } from './mesh-checks.ts'
import { quickMesh, startMesh } from './mesh-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { type Ended, runTandem } from './run-tandem.ts'
import { TandemProcess } from './tandem-process.ts'

type Created = CallReply<'createJoinToken'>

/** A command that calls the API of a peer. */
async function through(peer: TandemProcess, ...words: string[]): Promise<Ended> {
  return await runTandem([...words, '--api', peer.apiUrl.origin])
}

async function createdThrough(peer: TandemProcess, ...words: string[]): Promise<Created> {
  const { code, stdout, stderr } = await through(peer, 'token', 'create', '--json', ...words)
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Created
}

/** A token by a command on the machine of the authority. */
async function tokenAt({ index }: Cluster, role: string): Promise<string> {
  const { port, dataFolder } = index
  const place = ['--data', dataFolder, '--port', String(port)]
  const { stdout } = await runTandem(['token', 'create', '--json', '--role', role, ...place])
  return (JSON.parse(stdout) as Created).token
}

/** The files below `folder` that contain a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name)
        return (await readFile(path)).includes(text) ? [path] : []
      }),
  )
  return found.flat()
}

const secretOf = ({ token }: Pick<Created, 'token'>): string => token.split(/[-@]/)[3] ?? ''

test('an admin makes tokens through its own peer, on another machine; a peer may not', async () => {
  const settings = { ...quickSettings, index: { ...quickSettings.index, secure: true } }
  await using cluster = await startCluster({ peers: 0, settings })
  const joining = async (token: string): Promise<TandemProcess> =>
    await cluster.startPeer(undefined, { flags: ['--join', token] })
  const admin = await joining(await tokenAt(cluster, 'admin'))
  const plain = await joining(await tokenAt(cluster, 'peer'))

  const made = await createdThrough(admin, '--role', 'peer', '--for', '24h', '--uses', '1')
  expect(made).toMatchObject({
    role: 'peer',
    usesMax: 1,
    command: `tandem peer --join ${made.token}`,
  })
  const secret = secretOf(made)
  expect(made.tokenId).toBe(secret.slice(0, 8))
  const third = await joining(made.token)
  using api = apiOf(admin)
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 } })
  const list = await through(admin, 'token', 'list')
  expect(list.stdout).toMatch(new RegExp(`^${made.tokenId} +peer +1 of 1 .* used$`, 'm'))

  const refused = await through(plain, 'token', 'create')
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain(
    'FORBIDDEN: A peer may not send create-join-token: that requires an admin',
  )
  for (const words of [
    ['token', 'list'],
    ['token', 'revoke', made.tokenId],
    ['cluster', 'revoke', 'peer1'],
  ])
    expect((await through(plain, ...words)).stderr).toContain('FORBIDDEN')

  const other = await createdThrough(admin, '--role', 'reader')
  expect(await through(admin, 'token', 'revoke', other.tokenId)).toMatchObject({ code: 0 })
  const both = await through(admin, 'cluster', 'revoke', '--token', made.tokenId)
  expect(both.stdout).toContain(`and the members that joined with it: ${third.name}`)
  const events = async (): Promise<string> => (await through(admin, 'events', '--security')).stdout
  await expect.poll(events).toContain(`${third.name} was revoked by ${admin.name}`)
  const shown = await events()
  expect(shown).toContain(
    `a join token was created by ${admin.name}: ${made.tokenId}, role peer, 1 use, until `,
  )
  for (const tokenId of [made.tokenId, other.tokenId])
    expect(shown).toContain(`a join token was revoked by ${admin.name}: ${tokenId}, role `)

  // Nowhere but in the answer to who has it made, and where it was given to join.
  const outputs = [cluster.index, admin, plain].flatMap(({ output }) => output)
  for (const one of [secret, secretOf(other)]) {
    const said = [list.stdout, shown, both.stdout, ...outputs].join('\n')
    expect(said).not.toContain(one.slice(8))
    // Data folders and logs, in which the token has its public name.
    expect(await filesWith(cluster.folder, one.slice(0, 8))).not.toEqual([])
    expect(await filesWith(cluster.folder, one.slice(8))).toEqual([])
  }

  await cluster.index.kill()
  expect((await through(admin, 'token', 'create')).stderr).toContain(
    `AUTHORITY_UNREACHABLE: The authority of the cluster, at 127.0.0.1:${cluster.index.port}, cannot be reached`,
  )
})

test('in a mesh the member that has the authority is asked, by itself or through another', async () => {
  await using tokens = await temporaryFolder()
  const [peers, admins] = ['peers', 'admins'].map((name) => join(tokens.path, name)) as [
    string,
    string,
  ]
  await using mesh = await startMesh({
    peers: 2,
    settings: quickMesh,
    flagsOf: (name) =>
      name === 'peer1'
        ? ['--secure', '--token-out', peers, '--admin-token-out', admins]
        : ['--join-file', name === 'peer2' ? admins : peers],
  })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  await expect.poll(async () => (await statesAt(first))['peer2']).toBe('live')
  const made = await createdThrough(second, '--uses', '1')
  expect(made.command).toBe(`tandem peer --mesh --join ${made.token}`)
  expect((await createdThrough(first)).token).toContain(made.token.slice(made.token.indexOf('@')))
  const { stdout } = await through(second, 'token', 'list', '--json')
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({ tokenId: made.tokenId, uses: 0 }),
  )
  // The authority's own index records it.
  const events = async (): Promise<string> => (await through(first, 'events', '--security')).stdout
  await expect
    .poll(events)
    .toContain(`a join token was created by peer2: ${made.tokenId}, role peer`)
  expect(await events()).toContain('a join token was created by peer1: ')

  // It comes back at another address, of which the others learn from each other.
  await first.kill()
  const [port, httpPort] = await freePorts()
  const config = ['--config', join(mesh.folder, 'config.json'), '--discovery-port', '0']
  const flags = [...config, '--mesh', '--join', `127.0.0.1:${second.port}`]
  const { name, dataFolder } = first
  const place = { role: 'peer', name, dataFolder, port, httpPort, flags } as const
  await using moved = new TandemProcess(place, { clock: systemClock })
  await moved.start()
  await expect.poll(async () => (await statesAt(second))['peer1']).toBe('live')
  const there = await createdThrough(second)
  expect(there.token).toContain(`@127.0.0.1:${port}`)
  await writeFile(peers, there.token, { mode: 0o600 })
  await mesh.startPeer([2])
  await expect.poll(async () => (await statesAt(second))['peer3']).toBe('live')
})
