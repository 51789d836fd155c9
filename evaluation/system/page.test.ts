/** The web page of real peers in a real browser, used as its users do. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { type Cluster, startCluster } from './cluster-fixture.ts'
import { startGatedPeer } from './gate.ts'
import { accessibilityFaults, dropFiles, openPage, startBrowser } from './page-browser.ts'
import { quickSettings } from './quick-settings.ts'

const settings = {
  ...quickSettings,
  index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs: 3_000 },
}
/** Long enough for the installation of the browser. */
const setUpMs = 300_000

let browser: Browser
let cluster: Cluster

beforeAll(async () => {
  browser = await startBrowser()
  cluster = await startCluster({
    peers: 3,
    settings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      await mkdir(join(folder, 'photos/2026'), { recursive: true })
      await writeFile(join(folder, 'photos/2026/harbour.jpg'), 'the harbour at dawn')
      await writeFile(join(folder, 'photos/2026/bridge.jpg'), 'the bridge at noon')
      await writeFile(join(folder, 'minutes.txt'), 'minutes of the meeting')
    },
  })
}, setUpMs)

afterAll(async () => {
  await browser.close()
  await cluster[Symbol.asyncDispose]()
})

const fileRow = (name: string) => ({ name: new RegExp(name) })

test('finds a file by a part of its name, and says who has it', async () => {
  await using open = await openPage(browser, cluster.peer(2).apiUrl)
  const { page, faults } = open
  await page.getByRole('row', fileRow('minutes.txt')).waitFor()
  await page.getByRole('searchbox').fill('HARB')
  const row = page.getByRole('row', fileRow('harbour.jpg'))
  await row.waitFor()
  expect(await page.getByRole('row', fileRow('minutes.txt')).count()).toBe(0)
  await row.click()
  const drawer = page.getByRole('dialog', { name: 'harbour.jpg' })
  await drawer.getByRole('row', { name: 'peer1' }).waitFor()
  await drawer.getByText('2 of 2').waitFor()
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  expect(faults).toEqual([])
})

test('a search, with the times of its files, is one step of the way back', async () => {
  await using open = await openPage(browser, cluster.peer(2).apiUrl)
  const { page, faults } = open
  const field = page.getByRole('searchbox')
  await field.click()
  for (const typed of ['h', 'ha', 'har']) {
    await page.keyboard.press(typed.at(-1) ?? '')
    await page.waitForURL((url) => url.hash.endsWith(`?q=${typed}`))
  }
  await page.getByRole('row', { name: /harbour\.jpg.*Today/ }).waitFor()
  await page.goBack()
  await page.getByRole('row', fileRow('minutes.txt')).waitFor()
  expect(await field.inputValue()).toBe('')
  expect(faults).toEqual([])
})

test('opens folders, and the way back is the browser’s', async () => {
  await using open = await openPage(browser, cluster.peer(2).apiUrl)
  const { page, faults } = open
  await page.getByRole('row', fileRow('photos')).click()
  await page.getByRole('row', fileRow('2026')).click()
  await page.getByRole('row', fileRow('bridge.jpg')).waitFor()
  await page.goBack()
  await page.goBack()
  await page.getByRole('row', fileRow('minutes.txt')).waitFor()
  expect(faults).toEqual([])
})

test('downloads a file to its peer, and shows the progress', async () => {
  await using single = await startCluster({ peers: 0, factor: 1, settings })
  const { peer: source, gate } = await startGatedPeer(single, 'peer1')
  const film = await aFile(join(source.dataFolder, 'shared'), 'film.bin', { bytes: 20 * 2 ** 20 })
  const peer = await single.startPeer('peer2')
  gate.closeAfter(8 * 2 ** 20)
  await using open = await openPage(browser, peer.apiUrl)
  const { page, faults } = open
  await page.getByRole('row', fileRow('film.bin')).click()
  const drawer = page.getByRole('dialog', { name: 'film.bin' })
  await drawer.getByRole('button', { name: 'Download to this peer' }).click()
  const progress = drawer.getByRole('progressbar', { name: 'film.bin' })
  const percent = async (): Promise<number> => Number(await progress.getAttribute('aria-valuenow'))
  await gate.blocked
  await expect.poll(percent).toBeGreaterThan(10)
  expect(await percent()).toBeLessThan(90)
  await drawer.getByRole('list', { name: 'Sources' }).getByText('peer1').waitFor()
  gate.open()
  await drawer.getByText('Downloaded', { exact: true }).waitFor()
  expect(await readFile(join(peer.dataFolder, 'downloaded/film.bin'))).toEqual(
    await readFile(film.path),
  )
  expect(faults).toEqual([])
})

test('shares a file that is dropped onto it, until it has its copies', async () => {
  await using open = await openPage(browser, cluster.peer(1).apiUrl)
  const { page, faults } = open
  await page.getByText('Live', { exact: true }).waitFor()
  const path = join(cluster.folder, 'dropped.txt')
  await writeFile(path, 'dropped onto the page')
  await dropFiles(page, [path])
  await page.getByRole('row', { name: /dropped\.txt.*2 of 2 copies: peer1, peer[23]/ }).waitFor()
  expect(await readFile(join(cluster.peer(1).dataFolder, 'shared/dropped.txt'), 'utf8')).toBe(
    'dropped onto the page',
  )
  // The page looks for the copies by itself: no user has asked for them.
  const asked = await page.evaluate('fetch("/api/queries").then((reply) => reply.text())')
  expect(asked).toContain('browse')
  expect(asked).not.toContain('dropped')
  expect(faults).toEqual([])
})

test('says when it is out of date, and reconnects to a peer that was restarted', async () => {
  const peer = cluster.peer(2)
  await using open = await openPage(browser, peer.apiUrl)
  const { page } = open
  await page.getByText('Live', { exact: true }).waitFor()
  await peer.kill('SIGKILL')
  try {
    await page.getByText(/^Out of date since/).waitFor()
  } finally {
    await peer.start()
  }
  await page.getByText(/^Out of date since/).waitFor({ state: 'detached' })
  await page.getByText('Live', { exact: true }).waitFor()
  // What happens after the restart arrives as before.
  await writeFile(join(cluster.peer(1).dataFolder, 'shared/after-restart.txt'), 'still live')
  await page.getByRole('row', fileRow('after-restart.txt')).waitFor()
  expect(await page.getByRole('alert').count()).toBe(0)
})

test('sees a peer die and return, without a reload', async () => {
  await using open = await openPage(browser, cluster.peer(2).apiUrl, { hash: '#/cluster' })
  const { page, faults } = open
  await page.getByRole('row', { name: /^peer3 live/ }).waitFor()
  await cluster.peer(3).kill('SIGKILL')
  try {
    await page.getByRole('row', { name: /^peer3 suspect/ }).waitFor()
    await page.getByRole('row', { name: /^peer3 dead/ }).waitFor()
  } finally {
    await cluster.peer(3).start()
  }
  await page.getByRole('row', { name: /^peer3 live/ }).waitFor()
  expect(faults).toEqual([])
})

test('says that other machines reach this peer without TLS', async () => {
  const flags = ['--host', '0.0.0.0', '--advertise-host', '127.0.0.1', '--insecure']
  const peer = await cluster.startPeer('open', { flags })
  await using open = await openPage(browser, peer.apiUrl)
  const { page } = open
  const banner = page.getByRole('region', { name: 'Security' })
  await banner.getByText('Every machine that reaches open can read').waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  await using other = await openPage(browser, cluster.peer(1).apiUrl)
  await other.page.getByRole('row', fileRow('minutes.txt')).waitFor()
  expect(await other.page.getByRole('region', { name: 'Security' }).count()).toBe(0)
  expect([...open.faults, ...other.faults]).toEqual([])
})

test('asks for the token of a peer that other machines can reach, once', async () => {
  const peer = await cluster.startPeer('guarded', {
    flags: ['--http-host', '0.0.0.0', '--insecure'],
  })
  const token = await readFile(join(peer.dataFolder, '.tandem/token'), 'utf8')
  await using open = await openPage(browser, peer.apiUrl)
  const { page } = open
  const field = page.getByLabel('Token', { exact: true })
  await field.fill('wrong')
  expect(await accessibilityFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('alert').waitFor()
  await field.fill(token.trim())
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('row', fileRow('minutes.txt')).waitFor()
  await page.reload()
  await page.getByRole('row', fileRow('minutes.txt')).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  expect(await field.count()).toBe(0)
})
