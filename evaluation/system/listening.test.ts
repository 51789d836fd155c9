/**
 * What can be read on the wire: every connection of a cluster passes a relay that keeps all bytes. In a plain
 * cluster it finds names, ids, hashes and contents, which shows that it would find them; in a secured one, nothing.
 */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { apiOf, proxyHost, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { Recorder } from './recorder.ts'
import { runTandem } from './run-tandem.ts'

const relayHost = '127.0.0.3'
const words = ['holder-a', 'holder-b', '"announce"', '"hello"', '"lookup"', '"chunks"']

/** Everything that says something: names, hashes as text and as bytes, and each KiB of the contents. */
async function needlesOf(files: readonly FileFixture[]): Promise<(string | Buffer)[]> {
  const found = files.map(async ({ path, name, sha256 }) => {
    const content = await readFile(path)
    const parts = Array.from({ length: Math.floor(content.length / 1_024) }, (_, part) =>
      content.subarray(part * 1_024, part * 1_024 + 24),
    )
    return [name, sha256, ...parts]
  })
  return [...words, ...(await Promise.all(found)).flat()]
}

test.each([false, true])(
  'what a listener can read of a cluster that is secured: %s',
  async (secure) => {
    const files: FileFixture[] = []
    await using stack = new AsyncDisposableStack()
    await using cluster = await startCluster({
      peers: 0,
      settings: { ...quickSettings, index: { ...quickSettings.index, secure } },
      prepare: async (peerId, shared) => {
        const bytes = 300_000
        files.push(await aFile(shared, `payroll of ${peerId}.bin`, { bytes }))
      },
    })
    const recorders: Recorder[] = []
    const record = async (
      port: number,
      listen: { host: string; port?: number },
    ): Promise<Recorder> => {
      const recorder = stack.use(await Recorder.before(port, listen))
      recorders.push(recorder)
      return recorder
    }
    const atIndex = await record(cluster.index.port, { host: relayHost })
    const index = `${relayHost}:${atIndex.port}`
    const flags = ['--index', index]
    let secret = ''
    if (secure) {
      const at = ['--host', relayHost, '--port', String(atIndex.port)]
      const data = ['--data', cluster.index.dataFolder]
      const { stdout } = await runTandem(['token', 'create', '--json', ...data, ...at])
      const { token } = JSON.parse(stdout) as { token: string }
      secret = token.slice(token.lastIndexOf('-') + 1, token.indexOf('@'))
      flags.push('--join', token)
    }
    for (const id of ['holder-a', 'holder-b', 'asking'])
      await cluster.startPeer(id, {
        flags,
        proxy: (port) => record(port, { host: proxyHost, port }),
      })
    const asking = cluster.peer(3)
    using api = apiOf(asking)
    await expect.poll(() => api.status()).toMatchObject({ contents: 3, belowFactor: 0 })
    for (const { name, sha256 } of files)
      expect(await downloadAndHash(asking, { name })).toMatchObject({ sha256OnDisk: sha256 })

    expect(recorders).toHaveLength(4)
    const passed = recorders.reduce((sum, { bytes }) => sum + bytes, 0)
    expect(passed).toBeGreaterThan(3 * 300_000)
    const isRead = (needle: string | Buffer): boolean =>
      recorders.some((recorder) => recorder.has(needle))
    const needles = await needlesOf(files)
    if (secure) needles.push(secret)
    const share = needles.filter(isRead).length / needles.length
    expect(share).toBeGreaterThanOrEqual(secure ? 0 : 0.9)
    expect(share).toBeLessThanOrEqual(secure ? 0 : 1)
  },
)
