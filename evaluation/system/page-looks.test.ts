/** The web page on any screen, without a mouse, for screen readers, and with a lot to show. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from './cluster-fixture.ts'
import { accessibilityFaults, openPage, startBrowser } from './page-browser.ts'
import { quickSettings } from './quick-settings.ts'

/** Long enough for the installation of the browser. */
const setUpMs = 300_000
const phone = { width: 390, height: 760 }

let browser: Browser
let cluster: Cluster

beforeAll(async () => {
  browser = await startBrowser()
  cluster = await startCluster({
    peers: 2,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      await mkdir(join(folder, 'photos'), { recursive: true })
      await writeFile(join(folder, `photos/${'a long name '.repeat(12)}.jpg`), 'a photo')
      await writeFile(join(folder, 'minutes.txt'), 'minutes of the meeting')
    },
  })
}, setUpMs)

afterAll(async () => {
  await browser.close()
  await cluster[Symbol.asyncDispose]()
})

/** Every view, with what is visible when it is complete. */
const views: readonly (readonly [hash: string, ready: (page: Page) => Promise<unknown>])[] = [
  ['#/files', async (page) => await page.getByRole('row', { name: /minutes/ }).waitFor()],
  ['#/files/photos', async (page) => await page.getByRole('row', { name: /a long/ }).waitFor()],
  [
    '#/files?open=minutes.txt',
    async (page) => await page.getByRole('dialog').getByRole('table').waitFor(),
  ],
  ['#/files?show=trash', async (page) => await page.getByText('The trash is empty').waitFor()],
  ['#/share', async (page) => await page.getByText('Choose a folder').waitFor()],
  ['#/cluster', async (page) => await page.getByRole('row', { name: /peer2/ }).waitFor()],
  ['#/activity', async (page) => await page.getByText('No transfers now').waitFor()],
  ['#/activity/transfers', async (page) => await page.getByRole('grid').waitFor()],
  [
    '#/activity/queries',
    async (page) =>
      await page
        .getByRole('row', { name: /browse/ })
        .first()
        .waitFor(),
  ],
  [
    '#/activity/events',
    async (page) =>
      await page
        .getByRole('row', { name: /joined/ })
        .first()
        .waitFor(),
  ],
]

const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'on a phone', colorScheme: 'light', viewport: phone },
] as const

test.each(looks)('every view is accessible, $name', async ({ colorScheme, viewport }) => {
  const { apiUrl } = cluster.peer(1)
  await using open = await openPage(browser, apiUrl, { colorScheme, viewport })
  const { page, faults } = open
  const canvas = colorScheme === 'dark' ? 'rgb(15, 18, 22)' : 'rgb(245, 246, 248)'
  for (const [hash, ready] of views) {
    await page.goto(new URL(hash, apiUrl).href)
    await ready(page)
    expect([hash, await accessibilityFaults(page)]).toEqual([hash, []])
    const width: unknown = await page.evaluate('document.documentElement.scrollWidth')
    expect([hash, width]).toEqual([hash, viewport.width])
    expect([hash, faults]).toEqual([hash, []])
  }
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(canvas)
})

test('on a phone, the views are in a bar at the bottom', async () => {
  await using open = await openPage(browser, cluster.peer(1).apiUrl, { viewport: phone })
  const { page } = open
  const bar = page.getByRole('navigation', { name: 'Views' })
  await bar.waitFor()
  const box = await bar.boundingBox()
  expect(box).toMatchObject({ x: 0, width: phone.width })
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBe(phone.height)
  await bar.getByRole('link', { name: 'Cluster' }).click()
  await page.getByRole('row', { name: /peer2/ }).waitFor()
})

test('a keyboard is enough: search, open a file, download it, close', async () => {
  await using open = await openPage(browser, cluster.peer(2).apiUrl)
  const { page, faults } = open
  await page.getByRole('row', { name: /minutes/ }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('minutes')
  await page.getByRole('row', { name: /photos/ }).waitFor({ state: 'detached' })
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  const drawer = page.getByRole('dialog', { name: 'minutes.txt' })
  const download = drawer.getByRole('button', { name: 'Download to this peer' })
  await download.waitFor()
  const isFocused = 'document.activeElement.textContent.includes("Download to this peer")'
  for (let presses = 0; presses < 10 && (await page.evaluate(isFocused)) !== true; presses += 1)
    await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await drawer.getByText('Downloaded', { exact: true }).waitFor()
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  expect(faults).toEqual([])
})

test('a page that was set to dark is dark before its program has run', async () => {
  await using open = await openPage(browser, cluster.peer(1).apiUrl)
  const { page } = open
  const button = page.getByRole('button', { name: /Colours/ }).last()
  await button.click()
  await button.click()
  await page
    .getByRole('button', { name: /Colours: dark/ })
    .last()
    .waitFor()
  await page.route('**/assets/index-*.js', async (route) => await route.abort())
  await page.reload()
  const canvas = 'getComputedStyle(document.body).backgroundColor'
  expect(await page.evaluate(canvas)).toBe('rgb(15, 18, 22)')
  const scheme = 'document.querySelector("meta[name=color-scheme]").content'
  expect(await page.evaluate(scheme)).toBe('dark')
})

test('a dialog returns the focus, and text that is selected beyond its edge does not close it', async () => {
  await using open = await openPage(browser, cluster.peer(1).apiUrl, {
    hash: '#/files?open=minutes.txt',
  })
  const { page } = open
  const stop = page.getByRole('button', { name: /Stop sharing/ })
  const isFocused = 'document.activeElement.textContent'
  await stop.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog', { name: /Stop sharing/ }).waitFor({ state: 'detached' })
  expect(await page.evaluate(isFocused)).toContain('Stop sharing')
  const drawer = page.getByRole('dialog', { name: 'minutes.txt' })
  await drawer.getByText('Modified').hover()
  await page.mouse.down()
  await page.mouse.move(100, 300)
  await page.mouse.up()
  expect(await drawer.count()).toBe(1)
  await page.mouse.click(100, 300)
  await drawer.waitFor({ state: 'detached' })
})

test('rows stay where they are while others appear above them', async () => {
  const fileCount = 150
  const nameOf = (index: number): string => `file-${String(index).padStart(3, '0')}`
  let names = Array.from({ length: fileCount }, (_, index) => nameOf(index))
  await using open = await openPage(browser, cluster.peer(1).apiUrl, {
    before: async (page) => {
      // Without its stream, the page asks again every few seconds.
      await page.route('**/api/events*', async (route) => await route.fulfill({ json: {} }))
      await page.route('**/api/folders*', async (route) => {
        const fields = { type: 'file', sha256: 'a', size: 1, modifiedMs: 1, copies: 2, versions: 1 }
        const entries = names.map((name) => ({ ...fields, name }))
        await route.fulfill({ json: { folder: '', entries } })
      })
    },
  })
  const { page } = open
  await page.getByText(`${fileCount} files`).waitFor()
  await page.evaluate('document.querySelector(".list-view").scrollTop = 3_010')
  const row = page.getByRole('row', { name: nameOf(85) })
  await row.waitFor()
  const before = await row.boundingBox()
  names = ['a new one', 'another', ...names]
  await page.getByText(`${fileCount + 2} files`).waitFor()
  expect(await row.boundingBox()).toEqual(before)
})

test('10,000 files and 200 peers are a few dozen rows of the page', async () => {
  const fileCount = 10_000
  const peerCount = 200
  const nameOf = (index: number): string => `file-${String(index).padStart(5, '0')}.bin`
  const files = Array.from({ length: fileCount }, (_, index) => ({
    type: 'file',
    name: nameOf(index),
    sha256: String(index).padStart(64, '0'),
    size: 1_000 * index,
    modifiedMs: 1_700_000_000_000,
    copies: 2,
    versions: 1,
  }))
  const peers = Array.from({ length: peerCount }, (_, index) => ({
    peerId: `peer${String(index).padStart(3, '0')}`,
    host: '10.0.0.1',
    port: 7_100,
    state: 'live',
    copies: index,
    bytes: index,
    freeBytes: 1_000_000,
    silentMs: 100,
  }))
  await using open = await openPage(browser, cluster.peer(1).apiUrl, {
    before: async (page) => {
      // Without its stream, the page asks for the peers.
      await page.route('**/api/events*', async (route) => await route.fulfill({ json: {} }))
      await page.route('**/api/peers', async (route) => await route.fulfill({ json: peers }))
      await page.route('**/api/folders*', async (route) => {
        const asked = new URL(route.request().url()).searchParams
        const from = Number(asked.get('after') ?? 0)
        const to = Math.min(fileCount, from + Number(asked.get('limit')))
        const next = to < fileCount ? { next: String(to) } : {}
        await route.fulfill({ json: { folder: '', entries: files.slice(from, to), ...next } })
      })
    },
  })
  const { page } = open
  await page.getByRole('row', { name: nameOf(0) }).waitFor()
  await page.locator('.list-view').focus()
  const last = page.getByRole('row', { name: nameOf(fileCount - 1) })
  const atEnd = async (): Promise<number> => {
    await page.keyboard.press('End')
    return await last.count()
  }
  await expect.poll(atEnd).toBe(1)
  expect(await page.getByRole('row').count()).toBeLessThan(80)
  await page.getByRole('link', { name: 'Cluster' }).click()
  await page.getByRole('row', { name: /peer000/ }).waitFor()
  await page.locator('.list-view').focus()
  await page.keyboard.press('End')
  await page.getByRole('row', { name: /peer199/ }).waitFor()
  expect(await page.getByRole('row').count()).toBeLessThan(80)
})
