/**
 * A secured cluster of real processes that other machines could reach: its HTTP servers speak HTTPS to
 * commands, other programs and a browser, and a peer on loopback plain HTTP.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { type Cluster, startCluster } from './cluster-fixture.ts'
import { openPage, startBrowser } from './page-browser.ts'
import { type Ended, runTandem } from './run-tandem.ts'
import { askHttps, authorityFile, authorityOf, httpsUrl, securedSettings } from './secured.ts'
import type { TandemProcess } from './tandem-process.ts'

/** Long enough for the installation of the browser. */
const setUpMs = 300_000
const everywhere = ['--host', '0.0.0.0', '--http-host', '0.0.0.0']

let browser: Browser
let tokens: Awaited<ReturnType<typeof temporaryFolder>>
let cluster: Cluster
let [open, local] = [] as unknown as TandemProcess[] as [TandemProcess, TandemProcess]

beforeAll(async () => {
  browser = await startBrowser()
  tokens = await temporaryFolder()
  cluster = await startCluster({
    peers: 0,
    settings: securedSettings(tokens.path),
    prepare: async (peerId, shared) => {
      await mkdir(shared, { recursive: true })
      await writeFile(join(shared, `${peerId}.txt`), `of ${peerId}`)
    },
  })
  const reached = ['--advertise-host', '127.0.0.1']
  open = await cluster.startPeer('open', { flags: [...everywhere, ...reached] })
  local = await cluster.startPeer('local')
}, setUpMs)

afterAll(async () => {
  await browser.close()
  await cluster[Symbol.asyncDispose]()
  await tokens[Symbol.asyncDispose]()
})

const tokenOf = (peer: TandemProcess): string => join(peer.dataFolder, '.tandem/token')

/** Runs a command on the machine of `open`, as configured for it. */
async function command(...words: string[]): Promise<Ended> {
  const config = join(cluster.folder, 'open.json')
  const { port } = open.apiUrl
  const peer = { id: 'open', data: open.dataFolder, httpHost: '0.0.0.0', httpPort: Number(port) }
  await writeFile(config, JSON.stringify({ peer }))
  return await runTandem([...words, '--config', config])
}

const asked = async (url: URL, authorization = ''): ReturnType<typeof askHttps> =>
  await askHttps(url, { ca: await authorityOf(open), authorization })

test('commands find the peer of their machine, and verify that it is the one', async () => {
  expect(await command('health')).toMatchObject({ code: 0, stdout: 'open is alive: ok\n' })
  const lookup = await command('lookup', 'local.txt')
  expect([lookup.code, lookup.stdout]).toEqual([0, expect.stringContaining('local @ 127.0.0.1')])
  const page = await command('open', '--print')
  expect(page.stdout).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/#token=\w+\n$/)
})

test('a peer elsewhere is trusted by its cluster, a file, or not at all', async () => {
  const url = httpsUrl(open).origin
  const status = ['status', '--api', url, '--token-file', tokenOf(open)]
  expect(await command(...status)).toMatchObject({ code: 0 })
  expect(await runTandem([...status, '--ca', authorityFile(open)])).toMatchObject({ code: 0 })
  expect((await runTandem(status)).stderr).toMatch(/^SERVER_UNPROVEN: .*not trusted here/)
  expect((await command(...status, '--peer', 'local')).stderr).toMatch(
    /^SERVER_UNPROVEN: .* is local: its certificate is that of open/,
  )
  const plain = status.map((word) => (word === url ? open.apiUrl.origin : word))
  expect((await runTandem(plain)).stderr).toMatch(/^HTTPS_REQUIRED: /)
})

test('health, metrics, files and WebDAV are served over HTTPS', async () => {
  const health = await asked(httpsUrl(cluster.index, '/healthz'))
  expect(health).toMatchObject({ status: 200 })
  expect((await asked(httpsUrl(cluster.index, '/metrics'))).body).toContain('tandem_index_')
  const token = `Bearer ${(await readFile(tokenOf(open), 'utf8')).trim()}`
  const file = await asked(httpsUrl(open, '/files/by-name/local.txt'), token)
  expect(file).toEqual({ status: 200, body: 'of local' })
  const drive = await asked(httpsUrl(open, '/dav/open.txt'), token)
  expect(drive).toEqual({ status: 200, body: 'of open' })
  const sha256 = createHash('sha256').update('of open').digest('hex')
  const links = await asked(httpsUrl(open, `/files/${sha256}/open.txt.meta4`), token)
  expect(links.body).toContain(`${httpsUrl(open).origin}/files/`)
  expect((await asked(httpsUrl(open, '/api/status'))).status).toBe(401)
})

test('a peer on loopback speaks plain HTTP', async () => {
  const reply = await fetch(new URL('/api/status', local.apiUrl))
  expect(reply.status).toBe(200)
  expect(await reply.json()).not.toHaveProperty('isInsecure')
})

test('a browser is sent to HTTPS, logs in with a cookie that only HTTPS gets, and stays up to date', async () => {
  // Only here: the browser does not know the authority.
  await using shown = await openPage(browser, httpsUrl(open), { ignoreHTTPSErrors: true })
  const { page, faults } = shown
  await page.getByLabel('Token', { exact: true }).fill(await readFile(tokenOf(open), 'utf8'))
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('row', { name: /local\.txt/ }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  const [cookie] = await page.context().cookies()
  expect(cookie).toMatchObject({ name: '__Host-tandem-open', secure: true, httpOnly: true })
  expect(await page.getByRole('region', { name: 'Security' }).count()).toBe(0)
  await page.goto(new URL('#/cluster', open.apiUrl).href)
  expect(new URL(page.url()).protocol).toBe('https:')
  await page.getByRole('row', { name: /^open live/ }).click()
  await page.getByRole('link', { name: `${httpsUrl(open).origin}/` }).waitFor()
  expect(faults.filter((fault) => /^thrown|Content Security/.test(fault))).toEqual([])
})
