/** The documentation of the HTTP API in a real browser, under the content security policy of the peer. */

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { type Cluster, startCluster } from './cluster-fixture.ts'
import { openPage, startBrowser } from './page-browser.ts'
import { quickSettings } from './quick-settings.ts'

/** Long enough for the installation of the browser. */
const setUpMs = 300_000

let browser: Browser
let cluster: Cluster

beforeAll(async () => {
  browser = await startBrowser()
  cluster = await startCluster({
    peers: 1,
    settings: quickSettings,
    prepare: async (_peerId, folder) => void (await aFile(folder, 'minutes.txt', { bytes: 7 })),
  })
}, setUpMs)

afterAll(async () => {
  await browser.close()
  await cluster[Symbol.asyncDispose]()
})

test('shows each section and call, and tries one', async () => {
  await using open = await openPage(browser, cluster.peer(1).apiUrl, { hash: '/api/docs' })
  const { page, faults } = open
  await page.getByRole('heading', { name: 'Tandem peer' }).waitFor()
  for (const section of ['Files', 'Cluster', 'Doors', 'Monitoring'])
    await page.getByRole('link', { name: section, exact: true }).waitFor()
  await page.locator('#operations-Files-search').getByRole('button').first().click()
  const call = page.locator('#operations-Files-search')
  await call.getByText('photos/2026/lake.jpg').first().waitFor()
  await call.getByPlaceholder('q').fill('minutes')
  await call.getByRole('button', { name: 'Execute' }).click()
  await call.getByText('"name": "minutes.txt"').first().waitFor()
  expect(faults).toEqual([])
})
