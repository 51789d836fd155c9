/**
 * `npm run screenshots [VIEW …]`: pictures of the web page for the documentation, in
 * `docs/page/`, of a real cluster with believable files. Charts show a drawn hour: a cluster of a
 * minute has none.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { systemClock } from '../common/clock.ts'
import type { Sample } from '../common/protocol/history-messages.ts'
import { seededRandom } from '../common/random.ts'
import { apiOf, type Cluster, startCluster } from '../evaluation/system/cluster-fixture.ts'
import { openPage, startBrowser } from '../evaluation/system/page-browser.ts'
import { quickSettings } from '../evaluation/system/quick-settings.ts'
import type { TandemProcess } from '../evaluation/system/tandem-process.ts'
import { runScript } from './run-script.ts'

const folder = 'docs/page'
const kb = 1_000
const mb = 1_000_000

/** Who shares what, in bytes. */
const peers: Readonly<Record<string, { zone: string; files: Readonly<Record<string, number>> }>> = {
  studio: {
    zone: 'office',
    files: {
      'films/harbour at dawn.mp4': 64 * mb,
      'films/interview, first cut.mov': 24 * mb,
      'films/titles.psd': 6.2 * mb,
      ...photos('photos/2026-07 Lofoten', 'IMG_20', 42),
      ...photos('photos/2026-09 Lisbon', 'IMG_31', 28),
      'readme.md': 3.1 * kb,
    },
  },
  office: {
    zone: 'office',
    files: {
      'contracts/lease 2026.pdf': 412 * kb,
      'contracts/supplier terms.pdf': 287 * kb,
      'minutes/2026-10-05 board.md': 8.2 * kb,
      'minutes/2026-11-02 board.md': 9.7 * kb,
      'price list.xlsx': 184 * kb,
    },
  },
  attic: {
    zone: 'home',
    files: {
      'music/Goldberg Variations/01 Aria.flac': 14.2 * mb,
      'music/Goldberg Variations/02 Variatio 1.flac': 6.9 * mb,
      'datasets/tide gauges 1990-2025.parquet': 18.4 * mb,
      'datasets/weather stations.csv': 2.3 * mb,
      'backup-2026-11.tar.zst': 31 * mb,
    },
  },
  kitchen: {
    zone: 'home',
    files: { 'recipes/sourdough.md': 4.4 * kb, 'recipes/pho.md': 5.1 * kb },
  },
  laptop: { zone: 'travel', files: { 'presentation.key': 8.8 * mb } },
}

function photos(into: string, prefix: string, count: number): Record<string, number> {
  const random = seededRandom(into)
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${into}/${prefix}${String(41 + index).padStart(2, '0')}.jpg`,
      Math.round((80 + 240 * random.fraction()) * kb),
    ]),
  )
}

interface Shot {
  readonly name: string
  readonly hash: string
  /** Until the page shows what the picture is about. */
  readonly ready: (page: Page) => Promise<unknown>
}

const shots: readonly Shot[] = [
  {
    name: 'files',
    hash: '#/files',
    ready: async (page) => await page.getByRole('row', { name: /readme\.md/ }).waitFor(),
  },
  {
    name: 'file',
    hash: '#/files/films?open=films%2Fharbour+at+dawn.mp4',
    ready: async (page) => {
      const drawer = page.getByRole('dialog')
      await drawer.getByRole('table').waitFor()
      await drawer.getByRole('progressbar').waitFor()
      await drawer
        .getByText(/[KM]B\/s/)
        .first()
        .waitFor()
    },
  },
  {
    name: 'share',
    hash: '#/share',
    ready: async (page) => {
      const files = ['minutes 2026-11-23.md', 'floor plan.pdf', 'logo.svg'].map((name, index) => ({
        name,
        mimeType: 'application/octet-stream',
        buffer: Buffer.alloc(40_000 * (index + 1), `${name} ${page.viewportSize()?.width ?? 0}`),
      }))
      await page.getByLabel('Files to share').setInputFiles(files)
      const isAsked = page.getByRole('button', { name: /Replace/ })
      const done = page.getByText(/2 of 2 copies/)
      await done.or(isAsked).first().waitFor()
      if (await isAsked.isVisible()) await isAsked.click()
      await done.nth(2).waitFor()
    },
  },
  {
    name: 'cluster',
    hash: '#/cluster',
    ready: async (page) => await page.getByRole('row', { name: /laptop/ }).waitFor(),
  },
  {
    name: 'activity',
    hash: '#/activity',
    ready: async (page) =>
      await page
        .getByRole('row', { name: /harbour/ })
        .first()
        .waitFor(),
  },
  ...['transfers', 'queries', 'events'].map((name) => ({
    name: `activity-${name}`,
    hash: `#/activity/${name}?${name === 'events' ? '' : 'peer=all'}`,
    ready: async (page: Page) => await page.getByRole('row').nth(3).waitFor(),
  })),
]

const looks = [
  { suffix: 'light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { suffix: 'dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { suffix: 'phone', viewport: { width: 390, height: 760 }, colorScheme: 'light' },
] as const

/** An hour of a lively cluster: a backup that is copied, downloads now and then, one dead peer. */
function drawnHour(nowMs: number): { everyMs: number; samples: Sample[] } {
  const everyMs = 10_000
  const random = seededRandom('an hour')
  const contents = 84
  const samples = Array.from({ length: 360 }, (_, index): Sample => {
    const wave = Math.max(0, Math.sin(index / 23) * Math.sin(index / 7.5 + 1))
    const burst = index > 180 && index < 240 ? 9 * mb : 0
    const noise = 0.75 + 0.5 * random.fraction()
    const missing = index > 180 && index < 240 ? Math.round(((240 - index) * 31) / 60) : 0
    return {
      timeMs: nowMs - (360 - index) * everyMs,
      uploadBytesPerSecond: Math.round(noise * (4.2 * mb * wave + burst)),
      downloadBytesPerSecond: Math.round(
        noise * (7.5 * mb * Math.max(0, Math.sin(index / 31 + 2))),
      ),
      lookupsPerSecond: Number((noise * (3 + 14 * wave)).toFixed(1)),
      p50Ms: Number((0.9 + 0.3 * random.fraction()).toFixed(2)),
      p99Ms: Number((2.2 + 3.5 * random.fraction() * (1 + 2 * wave)).toFixed(2)),
      atFactor: contents - missing,
      belowFactor: missing,
      withoutCopies: 0,
    }
  })
  return { everyMs, samples }
}

async function startPeers(cluster: Cluster): Promise<TandemProcess[]> {
  const started: TandemProcess[] = []
  for (const [peerId, { zone, files }] of Object.entries(peers)) {
    const shared = join(cluster.folder, peerId, 'shared')
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(shared, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, seededRandom(name).bytes(Math.round(bytes)))
    }
    const slow = peerId === 'laptop' ? ['--download-limit', '600KB'] : []
    started.push(await cluster.startPeer(peerId, { flags: ['--zone', zone, ...slow] }))
  }
  return started
}

/** What its users have just done: the history and the lists of queries are about it. */
async function use([studio, office, attic, , laptop]: TandemProcess[]): Promise<void> {
  if (!studio || !office || !attic || !laptop) throw new Error('too few peers')
  using api = apiOf(studio)
  for (;;) {
    const { contents, belowFactor } = await api.status()
    if (contents >= 80 && belowFactor <= 1) break
    await systemClock.sleep(500)
  }
  for (const [peer, name] of [
    [office, 'films/titles.psd'],
    [studio, 'datasets/weather stations.csv'],
    [studio, 'music/Goldberg Variations/02 Variatio 1.flac'],
    [attic, 'contracts/lease 2026.pdf'],
  ] as const) {
    using downloads = apiOf(peer)
    await downloads.startDownload({ name })
    await downloads.lookup({ name })
    await downloads.search({ q: name.slice(0, 5), limit: 20 })
  }
  using slow = apiOf(laptop)
  await slow.startDownload({ name: 'films/harbour at dawn.mp4' })
}

async function take(browser: Browser, peer: TandemProcess, shot: Shot): Promise<void> {
  for (const { suffix, ...look } of looks) {
    const scale = suffix === 'phone' ? 2 : 1
    await using open = await openPage(browser, peer.apiUrl, {
      ...look,
      hash: shot.hash,
      deviceScaleFactor: scale,
      before: async (page) => {
        await page.route('**/api/series*', async (route) => {
          await route.fulfill({ json: drawnHour(systemClock.nowMs()) })
        })
      },
    })
    await shot.ready(open.page)
    await open.page.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
    await open.page.mouse.move(0, 0)
    const path = join(folder, `${shot.name}-${suffix}.png`)
    await open.page.screenshot({ path, animations: 'disabled' })
    console.log(path)
  }
}

await runScript(async () => {
  const wanted = process.argv.slice(2)
  await mkdir(folder, { recursive: true })
  await using browser = await startBrowser()
  await using cluster = await startCluster({ peers: 0, settings: quickSettings })
  const started = await startPeers(cluster)
  await use(started)
  const [laptop, kitchen] = [started.at(-1), started.at(-2)]
  if (!laptop || !kitchen) throw new Error('too few peers')
  for (const shot of shots) {
    if (wanted.length > 0 && !wanted.includes(shot.name)) continue
    if (shot.name === 'cluster') await kitchen.kill('SIGKILL')
    await take(browser, laptop, shot)
  }
})
