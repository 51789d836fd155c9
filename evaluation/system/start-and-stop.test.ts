/** A process that cannot start says why in one sentence; one that is stopped ends in time. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { apiOf, freePorts, startCluster } from './cluster-fixture.ts'
import { startGatedPeer } from './gate.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

interface Place {
  readonly port: number
  readonly httpPort: number
  readonly data: string
}

/** Starts a process that must end by itself. Returns the one line that it prints. */
async function refusalOf(
  role: 'index' | 'peer',
  { port, httpPort, data }: Place,
  ...more: string[]
): Promise<string> {
  const place = ['--port', `${port}`, '--http-port', `${httpPort}`, '--data', data]
  const identity = role === 'peer' ? ['--peer', 'peer1', '--headless'] : []
  const words = [role, ...identity, ...place, '--log-format', 'json', ...more]
  const { code, stderr } = await runTandem(words)
  const [line = '', ...others] = stderr.trimEnd().split('\n')
  expect([code, others]).toEqual([1, []])
  return line
}

describe('a process that cannot start', () => {
  test('because a port is in use', async () => {
    await using cluster = await startCluster({ peers: 1 })
    const [freePort, freeHttpPort] = await freePorts()
    const data = join(cluster.folder, 'another')
    for (const [role, running] of [
      ['index', cluster.index],
      ['peer', cluster.peer(1)],
    ] as const) {
      const httpPort = Number(running.apiUrl.port)
      expect(
        await refusalOf(role, {
          port: running.port,
          httpPort: freeHttpPort,
          data: join(data, role),
        }),
      ).toMatch(
        /^ADDRESS_IN_USE: 127\.0\.0\.1:\d+ is in use by another process: stop that process or pass another --port\.$/,
      )
      expect(await refusalOf(role, { port: freePort, httpPort, data: join(data, role) })).toMatch(
        /^ADDRESS_IN_USE: 127\.0\.0\.1:\d+ is in use by another process: stop that process or pass another --http-port\.$/,
      )
    }
  })

  test('because other machines would reach it without TLS', async () => {
    await using folder = await temporaryFolder()
    const [port, httpPort] = await freePorts()
    const place = { port, httpPort, data: join(folder.path, 'data') }
    const anyHost = ['--host', '0.0.0.0']
    expect(await refusalOf('index', place, ...anyHost)).toMatch(
      /^EXPOSED: This process would listen on 0\.0\.0\.0 \(--host\), .*`tandem cluster init --data .+`.*--insecure\.$/,
    )
    expect(await refusalOf('peer', place, ...anyHost)).toMatch(
      /^EXPOSED: .*`--join TOKEN@HOST:PORT`.*--insecure\.$/,
    )
    expect(await refusalOf('peer', place, ...anyHost, '--mesh')).toMatch(
      /^EXPOSED: .*`tandem cluster init --peer peer1`.*--insecure\.$/,
    )
    expect(await refusalOf('index', place, '--http-host', '::')).toMatch(/:: \(--http-host\)/)
  })

  test('because its folder is in use', async () => {
    await using cluster = await startCluster({ peers: 1 })
    const [port, httpPort] = await freePorts()
    for (const [role, { dataFolder }] of [
      ['index', cluster.index],
      ['peer', cluster.peer(1)],
    ] as const)
      expect(await refusalOf(role, { port, httpPort, data: dataFolder })).toMatch(
        /^DATA_IN_USE: Another process uses the folder .+: stop that process or pass another --data\.$/,
      )
    // The running process has lost nothing.
    using api = apiOf(cluster.peer(1))
    await expect.poll(() => api.status()).toMatchObject({ peers: { live: 1 } })
  })

  test.each([
    ['a key', { index: { replicationFaktor: 3 } }, /index\.replicationFaktor .*replicationFactor/],
    ['a value', { index: { port: 'seven' } }, /index\.port/],
    ['a section', { indx: {} }, /indx/],
  ])('because %s of its config is wrong', async (_, config, complaint) => {
    await using folder = await temporaryFolder()
    const [port, httpPort] = await freePorts()
    const file = join(folder.path, 'config.json')
    await writeFile(file, JSON.stringify(config))
    const place = { port, httpPort, data: join(folder.path, 'data') }
    const refusal = await refusalOf('index', place, '--config', file)
    expect(refusal).toMatch(complaint)
    expect(refusal.startsWith(`SETTING_INVALID: ${file}: `)).toBe(true)
  })

  test('because its folder cannot be made', async () => {
    await using folder = await temporaryFolder()
    const [port, httpPort] = await freePorts()
    await writeFile(join(folder.path, 'a file'), '')
    const place = { port, httpPort, data: join(folder.path, 'a file', 'data') }
    for (const role of ['index', 'peer'] as const)
      expect(await refusalOf(role, place)).toMatch(
        /^DISK_FAILED: Cannot create the folder '.+': .+\.$/,
      )
  })

  test('because its database is not a database', async () => {
    await using folder = await temporaryFolder()
    const [port, httpPort] = await freePorts()
    const data = folder.path
    await mkdir(join(data, '.tandem'))
    // An index begins a new one: its peers tell it again what it had.
    await writeFile(join(data, '.tandem', 'catalog.db'), 'this is not a database. '.repeat(500))
    expect(await refusalOf('peer', { port, httpPort, data })).toMatch(
      /^DATABASE_UNUSABLE: The database .+ cannot be used: .+\.$/,
    )
  })
})

// A process that is not done after `shutdownMs` ends itself with another code.
test('SIGTERM in the middle of transfers ends the sender, the receivers and the index in time', async () => {
  await using cluster = await startCluster({ peers: 0, settings: quickSettings })
  const { peer: sender, gate } = await startGatedPeer(cluster, 'peer1')
  gate.closeAfter(2 ** 20)
  for (const name of ['a.bin', 'b.bin'])
    await aFile(join(sender.dataFolder, 'shared'), name, { bytes: 20 * 2 ** 20 })
  using api = apiOf(sender)
  await expect.poll(() => api.status()).toMatchObject({ contents: 2 })
  const keeper = await cluster.startPeer('peer2')
  const downloader = await cluster.startPeer('peer3')
  using downloads = apiOf(downloader)
  const { id } = await downloads.startDownload({ name: 'a.bin' })
  await gate.blocked
  await expect.poll(() => downloads.download({ id, waitMs: 0 })).toMatchObject({ state: 'running' })
  await expect.poll(async () => (await api.status()).tasks.running).toBeGreaterThan(0)

  for (const running of [downloader, sender, cluster.index, keeper]) {
    await running.kill('SIGTERM')
    expect([running.name, await running.ended]).toEqual([running.name, 'exit code 0'])
  }
})
