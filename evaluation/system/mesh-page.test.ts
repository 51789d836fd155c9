/** What the page of a peer shows of its mesh, by itself, in any look. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { type MeshCluster, startMesh } from './mesh-fixture.ts'
import { accessibilityFaults, openPage, startBrowser } from './page-browser.ts'

let browser: Browser
let mesh: MeshCluster

// Long enough for the installation of the browser.
beforeAll(async () => {
  browser = await startBrowser()
  mesh = await startMesh({ peers: 3 })
}, 300_000)

afterAll(async () => {
  await browser.close()
  await mesh[Symbol.asyncDispose]()
})

test('members, files with who has them, and queries appear, and change without a reload', async () => {
  await using open = await openPage(browser, mesh.peer(1).apiUrl)
  const { page, faults } = open
  await page.getByRole('link', { name: 'Mesh' }).click()
  const peers = page.getByRole('table', { name: 'Peers' })
  await peers.getByRole('row', { name: /^peer3 live .* \d+ s/ }).waitFor()

  const folder = join(mesh.peer(2).dataFolder, 'shared')
  await mkdir(folder, { recursive: true })
  await aFile(folder, 'late.bin', { bytes: 5_000 })
  const files = page.getByRole('table', { name: 'Tracked files' })
  await files.getByRole('row', { name: /^late\.bin .*peer2/ }).waitFor()
  // Its second home, once it has one.
  await files.getByRole('row', { name: /^late\.bin .*(peer2 peer|peer\d peer2)/ }).waitFor()

  using asker = apiOf(mesh.peer(2))
  await asker.askMesh({ name: 'late.bin' })
  using api = apiOf(mesh.peer(1))
  await api.askMesh({ pattern: 'late*' })
  const queries = page.getByRole('table', { name: 'Queries' })
  await queries.getByRole('row', { name: /late\*.*127\.0\.0\.1/ }).waitFor()

  await mesh.peer(3).kill('SIGKILL')
  await peers.getByRole('row', { name: /^peer3 (suspect|dead)/ }).waitFor()
  await mesh.peer(3).start()
  await peers.getByRole('row', { name: /^peer3 live/ }).waitFor()
  expect(faults).toEqual([])
}, 90_000)

test.each([
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'on a phone', colorScheme: 'light', viewport: { width: 390, height: 760 } },
] as const)('the view is accessible, $name', async ({ colorScheme, viewport }) => {
  const look = { colorScheme, viewport, hash: '#/mesh' }
  await using open = await openPage(browser, mesh.peer(2).apiUrl, look)
  const { page, faults } = open
  await page.getByRole('row', { name: /^late\.bin/ }).waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width)
  expect(faults).toEqual([])
})
