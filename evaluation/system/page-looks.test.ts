/** The web page on any screen, without a mouse, and for screen readers. */
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
  ['#/activity', async (page) => await page.getByText('Nothing is transferred now').waitFor()],
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
  for (const [hash, ready] of views) {
    await using open = await openPage(browser, cluster.peer(1).apiUrl, {
      colorScheme,
      viewport,
      hash,
    })
    const { page, faults } = open
    await ready(page)
    expect([hash, await accessibilityFaults(page)]).toEqual([hash, []])
    const width: unknown = await page.evaluate('document.documentElement.scrollWidth')
    expect([hash, width]).toEqual([hash, viewport.width])
    const back = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    expect([hash, back]).toEqual([
      hash,
      colorScheme === 'dark' ? 'rgb(15, 18, 22)' : 'rgb(245, 246, 248)',
    ])
    expect([hash, faults]).toEqual([hash, []])
  }
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
