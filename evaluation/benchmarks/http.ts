/**
 * A peer's HTTP server against nginx: a large file by one `curl` and by several, and many small requests
 * by autocannon, from a peer that holds the file. nginx sends without looking at the bytes; the peer
 * hashes every chunk before it sends it.
 *
 * One `curl` writes to the disk, as users do, and the file is verified; several write to /dev/null, or
 * the disk would be what is measured, and the number of bytes is checked.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import autocannon from 'autocannon'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { filePath } from '../../peer/web/files/mirrors.ts'
import { checkFile } from '../system/check-file.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import { pathOf } from './anchor-programs.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { type Contender, measureInterleaved, secondsOf } from './interleaved.ts'
import { flushDisk, runToEnd } from './outside-process.ts'
import { sharing, startTransferCluster } from './transfer-fixture.ts'
import { fetchWithCurl, startNginx } from './web-anchors.ts'

export interface HttpSize {
  readonly mebibytes: number
  /** Number of small requests of each kind. */
  readonly requests: number
}

export const http: Benchmark<HttpSize> = {
  name: 'http',
  anchors: ['nginx', 'curl'],
  measure: measureHttp,
}

const clients = 8
/** Connections of autocannon, each with one request at a time. */
const connections = 32
/** At least 0.7 times the speed of nginx. */
const goal = 1.43
/** How long each sample of small requests takes: autocannon counts whole seconds. */
const loadDuration = 3
const lookupsPerSecond = 8_000

/** Where each server has the file, and a small document. */
interface Servers {
  readonly tandem: URL
  readonly nginx: URL | undefined
}

async function measureHttp(
  { mebibytes, requests }: HttpSize,
  options: BenchmarkOptions,
): Promise<void> {
  await using folder = await temporaryFolder()
  const originals = join(folder.path, 'originals')
  const original = await aFile(originals, 'large.bin', { bytes: mebibytes * 2 ** 20 })
  await using cluster = await startTransferCluster({
    sources: 1,
    files: 1,
    share: sharing(original),
  })
  const [source] = cluster.sources
  if (source === undefined) throw new Error('no peer was started')
  await using nginx = await startAnchor(original, folder.path, options)
  const path = filePath(original)
  const servers = { tandem: new URL(path, source.apiUrl), nginx: nginx?.url }
  const single = (url: URL) => () => fetchAndCheck(url, original, join(folder.path, 'fetched'))
  await measure(`GET of ${mebibytes} MiB by curl`, servers, single, options)
  const several = (url: URL) => () => fetchSeveral(url, original.size)
  await measure(`${clients} parallel GETs of ${mebibytes} MiB by curl`, servers, several, options)
  for (const { api, goalPerSecond } of [
    { api: `/api/lookup?name=${original.name}`, goalPerSecond: lookupsPerSecond },
    { api: `/api/search?q=${original.name}` },
    { api: '/api/status' },
    { api: '/healthz' },
  ]) {
    const small = { tandem: new URL(api, source.apiUrl), nginx: nginx?.smallUrl }
    const load = (url: URL) => () => loadSeconds(url, requests)
    const [route] = api.split('?')
    const work = `${requests} requests of ${route}`
    await measure(work, small, load, options, { hasGoal: false })
    if (goalPerSecond === undefined) continue
    const value = requests / goalPerSecond
    options.onSample({ work, contender: `${goalPerSecond}/s`, unit: 'seconds', value, goal: 1 })
  }
}

async function measure(
  work: string,
  servers: Servers,
  doing: (url: URL) => Contender['measure'],
  options: BenchmarkOptions,
  { hasGoal = true } = {},
): Promise<void> {
  const anchor: Contender[] =
    servers.nginx === undefined
      ? []
      : [{ name: 'nginx', measure: doing(servers.nginx), ...(hasGoal && { goal }) }]
  const own: Contender = { name: tandem, measure: doing(servers.tandem) }
  await measureInterleaved(work, [own, ...anchor], options)
}

/** nginx on the folder of the original, with a document as large as the answer to a lookup. */
async function startAnchor(
  original: FileFixture,
  folder: string,
  { missing }: Pick<BenchmarkOptions, 'missing'>,
): Promise<({ url: URL; smallUrl: URL } & AsyncDisposable) | undefined> {
  if (missing.includes('nginx')) return undefined
  const root = dirname(original.path)
  await writeFile(join(root, 'small.json'), 'x'.repeat(400))
  const [port] = await freePorts()
  const nginx = await startNginx(root, { folder: join(folder, 'nginx'), port })
  const url = (name: string): URL => new URL(`http://127.0.0.1:${port}/${name}`)
  return {
    url: url(original.name),
    smallUrl: url('small.json'),
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}

async function fetchAndCheck(url: URL, original: FileFixture, folder: string): Promise<number> {
  const path = join(folder, original.name)
  await mkdir(folder, { recursive: true })
  await flushDisk()
  const seconds = await secondsOf(() => fetchWithCurl(url.href, path))
  await checkFile(original, path)
  await rm(path)
  return seconds
}

async function fetchSeveral(url: URL, bytes: number): Promise<number> {
  const words = ['--silent', '--show-error', '--fail', '--output', '/dev/null']
  const fetchOne = async (): Promise<void> => {
    const got = await runToEnd(pathOf('curl'), [...words, '-w', '%{size_download}', url.href])
    if (Number(got) !== bytes) throw new Error(`${url.href} sent ${got} bytes of ${bytes}`)
  }
  return await secondsOf(() => Promise.all(Array.from({ length: clients }, fetchOne)))
}

/** The seconds that `amount` requests take, at the rate of `loadDuration` seconds of them. */
async function loadSeconds(url: URL, amount: number): Promise<number> {
  const load = { url: url.href, connections, duration: loadDuration }
  const { duration, errors, non2xx, '2xx': answered } = await autocannon(load)
  if (errors + non2xx > 0) throw new Error(`${errors + non2xx} requests of ${url.href} failed`)
  return (amount * duration) / answered
}
