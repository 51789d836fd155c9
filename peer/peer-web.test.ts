import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { toAppError } from '../common/errors.ts'
import { httpUrl } from '../common/http-url.ts'
import { systemRandom } from '../common/random.ts'
import { TestAuthority, TestIdentity } from '../common/testing/certificates.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { openHttpPeer } from './api/http-peer.ts'
import { startPeerWeb } from './peer-web.ts'
import { FakePeerApi } from './testing/fake-peer-api.ts'
import { fakeVitals } from './testing/fake-vitals.ts'
import type { WebServer } from './web/web-server.ts'

async function started(
  data: string,
  settings: Partial<Parameters<typeof startPeerWeb>[0]>,
  identity?: TestIdentity,
): Promise<WebServer> {
  return await startPeerWeb(
    {
      peerId: 'peer1',
      data,
      httpHost: '127.0.0.1',
      httpPort: 0,
      allowedHosts: [],
      advertiseHost: 'files.example',
      requireToken: false,
      tokenFile: undefined,
      ...settings,
    },
    {
      api: new FakePeerApi({ clock: systemClock }).api,
      vitals: fakeVitals(),
      http: { onListening: () => {} },
      identity,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
  )
}

test.each([
  ['127.0.0.1', false, 'done'],
  ['127.0.0.1', true, 'TOKEN_REQUIRED'],
  ['0.0.0.0', false, 'TOKEN_REQUIRED'],
])('at %s, with requireToken %j, no token means %s', async (httpHost, requireToken, expected) => {
  await using folder = await temporaryFolder()
  await using web = await started(folder.path, { httpHost, requireToken })
  const url = new URL(`http://127.0.0.1:${web.address.port}`)
  const tokenPath = join(folder.path, '.tandem', 'token')
  expect((await stat(tokenPath)).mode & 0o777).toBe(0o600)
  using without = openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
  const ended = await without.status().then(
    () => 'done',
    (error: unknown) => toAppError(error).code,
  )
  expect(ended).toBe(expected)
  const token = (await readFile(tokenPath, 'utf8')).trim()
  using api = openHttpPeer({ url, peerId: 'peer1', token }, { clock: systemClock })
  await api.status()
  const bytes = [Buffer.from('pushed')]
  async function* sent(): AsyncGenerator<Uint8Array> {
    yield* bytes
  }
  await api.push({ name: 'a', bytes: sent(), replace: false, wait: false })
})

test('a peer with an identity speaks HTTPS, except on loopback', async () => {
  await using folder = await temporaryFolder()
  const authority = await TestAuthority.create()
  const identity = new TestIdentity(await authority.issue('peer1'))
  const answererAt = async ({ address }: WebServer): Promise<string> => {
    const url = new URL(httpUrl({ ...address, host: '127.0.0.1' }))
    const tokenPath = join(folder.path, '.tandem', 'token')
    const token = (await readFile(tokenPath, 'utf8')).trim()
    const trust = { ca: [authority.ca], memberId: 'peer1' }
    using api = openHttpPeer({ url, peerId: 'peer1', token, trust }, { clock: systemClock })
    return (await api.status()).peer.peerId
  }
  await using secure = await started(folder.path, { httpHost: '0.0.0.0' }, identity)
  expect([secure.address.isSecure, await answererAt(secure)]).toEqual([true, 'peer1'])
  await using local = await started(folder.path, { httpHost: '127.0.0.1' }, identity)
  expect([local.address.isSecure, await answererAt(local)]).toEqual([undefined, 'peer1'])
})

test('a token file in the settings must exist', async () => {
  await using folder = await temporaryFolder()
  await expect(
    started(folder.path, { tokenFile: join(folder.path, 'none') }),
  ).rejects.toMatchObject({ code: 'TOKEN_UNUSABLE' })
})
