import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { AuthorityDesk } from '../common/identity/authority-desk.ts'
import { formatJoinToken } from '../common/identity/join-token.ts'
import type { ClusterDesk } from '../common/protocol/cluster-desk.ts'
import { systemRandom } from '../common/random.ts'
import { openDoor } from '../common/testing/doors.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { TestCluster } from '../common/testing/test-cluster.ts'
import { type EnterSettings, enterCluster, indexOf } from './enter-cluster.ts'

const log = silentLog
const clock = systemClock

/** An authority that answers on a port, and a file with a token for it. */
async function authorityAt(
  file: string,
  change: (desk: ClusterDesk) => ClusterDesk = (desk) => desk,
) {
  const stack = new AsyncDisposableStack()
  const cluster = stack.use(await TestCluster.create())
  const { authority, own: identity } = cluster
  const resolve = async (): Promise<string[]> => []
  const onNews = (): void => {}
  const told = { resolve, onNews, issuerShownBy: () => undefined, address: undefined }
  const desk = stack.use(new AuthorityDesk({ authority, identity, ...told, clock, log }))
  const door = stack.use(await openDoor(identity, { desk: change(desk), clock }))
  const secret = authority.tokens.create({ role: 'peer', forMs: 60_000, usesMax: 1 })
  const address = { host: '127.0.0.1', port: door.port }
  await writeFile(file, formatJoinToken({ authority: authority.digest, secret, address }))
  return { cluster, address, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function entering(folder: string, file: string): Parameters<typeof enterCluster> {
  const settings: EnterSettings = {
    peerId: 'peer1',
    data: join(folder, 'data'),
    host: '127.0.0.1',
    port: 7_100,
    advertiseHost: undefined,
    httpHost: '127.0.0.1',
    allowedHosts: [],
    index: { host: '127.0.0.1', port: 7_000 },
    isIndexGiven: false,
    joinToken: undefined,
    joinFile: file,
    secure: false,
    tokenOut: undefined,
    adminTokenOut: undefined,
  }
  return [settings, { clock, random: systemRandom, log, stop: new AbortController().signal }]
}

test('a peer whose cluster has lost its authority joins the new one', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  const enter = entering(folder.path, file)
  {
    await using first = await authorityAt(file)
    await using joined = await enterCluster(...enter)
    expect(joined?.identity.self.cluster).toBe(first.cluster.own.self.cluster)
    expect(indexOf(enter[0], joined)).toEqual(first.address)
  }
  await using second = await authorityAt(file)
  await using again = await enterCluster(...enter)
  expect(again?.identity.self.cluster).toBe(second.cluster.own.self.cluster)
})

test('a token of an authority that has been replaced does not keep a member out', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  await using authority = await authorityAt(file)
  const [settings, dependencies] = entering(folder.path, file)
  await (await enterCluster(settings, dependencies))?.[Symbol.asyncDispose]()
  const secret = '0'.repeat(32)
  const old = { authority: '0'.repeat(64), secret, address: authority.address }
  const given = { ...settings, joinFile: undefined, joinToken: old }
  await using again = await enterCluster(given, dependencies)
  expect(again?.identity.self.cluster).toBe(authority.cluster.own.self.cluster)
})

test('a peer that got no answer joins with the same key', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  let isLost = true
  await using authority = await authorityAt(file, (desk) => ({
    async join(request, connection) {
      const reply = await desk.join(request, connection)
      if (isLost) connection.destroy()
      isLost = false
      return reply
    },
    renew: (request, connection) => desk.renew(request, connection),
    administration: desk.administration,
  }))
  await using joined = await enterCluster(...entering(folder.path, file))
  expect(isLost).toBe(false)
  expect(joined?.identity.self).toMatchObject({ id: 'peer1', generation: 1 })
  expect(authority.cluster.authority.tokens.list()).toMatchObject([{ uses: 1 }])
})

test('the identity of another peer is not used', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  await using _authority = await authorityAt(file)
  const [settings, dependencies] = entering(folder.path, file)
  await (await enterCluster(settings, dependencies))?.[Symbol.asyncDispose]()
  const other = { ...settings, peerId: 'peer2' }
  await expect(enterCluster(other, dependencies)).rejects.toThrow('start it as --peer peer1')
})
