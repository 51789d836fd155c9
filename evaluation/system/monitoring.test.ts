/**
 * What config/ has for Prometheus and Grafana, with the real Prometheus on a real cluster: it accepts the
 * files, scrapes every process over HTTPS, with its token, and knows every metric that a rule or a panel asks for. Only the
 * targets, the paths of the tokens and the intervals are replaced.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { type Cluster, freePorts, startCluster } from './cluster-fixture.ts'
import { debianProgram } from './debian-program.ts'
import { askHttps, authorityOf, httpsUrl, securedSettings } from './secured.ts'
import type { TandemProcess } from './tandem-process.ts'

const config = (name: string): string =>
  fileURLToPath(new URL(`../../config/${name}`, import.meta.url))

interface Ended {
  readonly code: number
  readonly output: string
}

async function promtool(words: readonly string[], input = ''): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const child = execFile('/usr/bin/promtool', [...words], (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : 1, output: stdout + stderr }),
  )
  child.stdin?.end(input)
  return await promise
}

beforeAll(async () => {
  for (const path of ['/usr/bin/promtool', '/usr/bin/prometheus'])
    await debianProgram(path, 'prometheus')
})

test('the alert rules do what they say', async () => {
  for (const words of [
    ['check', 'rules', config('prometheus-rules.yml')],
    ['test', 'rules', config('prometheus-rules.test.yml')],
  ])
    expect(await promtool(words)).toMatchObject({ code: 0 })
})

test('Prometheus scrapes every process, and knows all that rules and panels ask for', async () => {
  await using folder = await temporaryFolder()
  const secured = securedSettings(folder.path)
  const settings = {
    index: { ...secured.index, heartbeatMs: 500, deadAfterMs: 3_000 },
    peer: { ...secured.peer, httpHost: '0.0.0.0' },
  }
  await using cluster = await startCluster({ peers: 2, settings })
  const ca = await authorityOf(cluster.peer(1))
  for (const process of [cluster.index, ...cluster.peers])
    expect(await promtool(['check', 'metrics'], await metricsOf(process, ca))).toEqual({
      code: 0,
      output: '',
    })

  await writeConfig(folder.path, cluster)
  const file = join(folder.path, 'prometheus.yml')
  expect(await promtool(['check', 'config', file])).toMatchObject({ code: 0 })
  await using prometheus = await startPrometheus(folder.path, file)
  const { ask } = prometheus
  const up = async (): Promise<unknown> => await ask('query', 'sum(up)')
  await expect.poll(up).toMatchObject({ result: [{ value: [expect.anything(), '3'] }] })

  for (const expression of await expressions())
    expect([expression, await ask('query', expression)]).toMatchObject([expression, {}])
  const used = new Set((await expressions()).join('\n').match(/tandem_\w+/g))
  for (const metric of used.difference(countedOnUse))
    await expect
      .poll(async () => await ask('query', `count(${metric})`), { message: metric })
      .toMatchObject({ result: [expect.anything()] })

  await cluster.peer(2).kill('SIGKILL')
  await expect
    .poll(async () => JSON.stringify(await ask('alerts')))
    .toMatch(/"alertname":"TandemPeersDead"/)
})

/** They appear with the first request or task of their kind. */
const countedOnUse: ReadonlySet<string> = new Set([
  'tandem_index_failed_tasks_total',
  'tandem_index_heal_seconds_bucket',
])

async function tokenOf({ dataFolder }: TandemProcess): Promise<string> {
  return (await readFile(join(dataFolder, '.tandem', 'token'), 'utf8')).trim()
}

/** Tandem's own metrics. */
async function metricsOf(process: TandemProcess, ca: Buffer): Promise<string> {
  const token = await tokenOf(process).catch(() => '')
  const authorization = `Bearer ${token}`
  const { body } = await askHttps(httpsUrl(process, '/metrics'), { ca, authorization })
  // Those of the process have the names that the library gives them.
  return body
    .split('\n')
    .filter((line) => line.includes('tandem_'))
    .map((line) => `${line}\n`)
    .join('')
}

async function writeConfig(folder: string, { index, peers }: Cluster): Promise<void> {
  const rules = 'prometheus-rules.yml'
  await writeFile(
    join(folder, rules),
    (await readFile(config(rules), 'utf8')).replaceAll(/for: \w+/g, 'for: 1s'),
  )
  const replaced = peers.reduce(
    (text, { name, apiUrl, dataFolder }) =>
      text
        .replaceAll(`/tandem/${name}/`, join(dataFolder, '.tandem/'))
        .replace(new RegExp(`${name}:81\\d\\d`), apiUrl.host),
    await readFile(config('prometheus.yml'), 'utf8'),
  )
  await writeFile(
    join(folder, 'prometheus.yml'),
    replaced
      .replace('indexing-server:7001', index.apiUrl.host)
      .replaceAll(/interval: \d+s/g, 'interval: 1s'),
  )
}

/** What the rules and the panels of the dashboard evaluate. */
async function expressions(): Promise<string[]> {
  const rules = await readFile(config('prometheus-rules.yml'), 'utf8')
  const dashboard = JSON.parse(await readFile(config('grafana/tandem.json'), 'utf8')) as {
    panels: { targets: { expr: string }[] }[]
  }
  return [
    ...Array.from(rules.matchAll(/^ +expr: (.*)$/gm), ([, expression = '']) => expression),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ]
}

interface Prometheus extends AsyncDisposable {
  /** The data of the answer. @throws Error if Prometheus reports one */
  readonly ask: (what: string, query?: string) => Promise<unknown>
}

async function startPrometheus(folder: string, file: string): Promise<Prometheus> {
  const data = join(folder, 'tsdb')
  await mkdir(data)
  const [port] = await freePorts()
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const ended = once(child, 'exit')
  const ask: Prometheus['ask'] = async (what, query) => {
    const search = query === undefined ? '' : `?${new URLSearchParams({ query }).toString()}`
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${what}${search}`)
    const answer = (await response.json()) as { status: string; data: unknown; error?: string }
    if (answer.status !== 'success') throw new Error(`${query ?? what}: ${answer.error ?? ''}`)
    return answer.data
  }
  const isReady = async (): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  await expect.poll(isReady).toBe(true)
  return {
    ask,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await ended
    },
  }
}
