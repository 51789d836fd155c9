import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** Name and kind of each row of the tables of metrics, and of those that the index counts itself. */
const metrics = new Map(
  [read('peer/metrics.ts'), read('indexing-server/metrics.ts')]
    .flatMap((text) => [
      ...text.matchAll(/(new \w+\(\{\s*)?name: '(tandem_\w+)',\s*(?:kind: '(\w+)')?/g),
    ])
    .map(([, made = '', name = '', kind]) => [
      name,
      kind ?? made.slice(4).split('(')[0]?.toLowerCase(),
    ]),
)

test('names say whose they are, counters end in _total, and nothing else does', () => {
  expect(metrics.size).toBeGreaterThan(40)
  for (const [name = '', kind] of metrics) {
    expect(name).toMatch(/^tandem_(index|peer)_[a-z]+(_[a-z]+)*$/)
    expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter'])
    expect([name, kind === 'histogram' && !/_(seconds|bytes)$/.test(name)]).toEqual([name, false])
  }
})

test.each(['config/prometheus-rules.yml', 'config/grafana/tandem.json', 'README.md'])(
  '%s names only metrics that exist',
  (path) => {
    const named = [...read(path).matchAll(/\btandem_(?:index|peer)_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    )
    expect(named.filter((name) => !metrics.has(name))).toEqual([])
    expect(named.length).toBeGreaterThan(0)
  },
)

test('what must never go unnoticed has an alert, which is tested', () => {
  const alerts = [...read('config/prometheus-rules.yml').matchAll(/alert: (\w+)/g)].map(
    ([, name]) => name,
  )
  const tested = read('config/prometheus-rules.test.yml')
  const asked = [
    'TandemFilesWithoutCopies',
    'TandemFilesBelowFactor',
    'TandemPeersDead',
    'TandemRepairLags',
    'TandemDiskNearlyFull',
    'TandemDown',
  ]
  expect(alerts).toEqual(expect.arrayContaining(asked))
  for (const name of asked) expect(tested).toContain(`alertname: ${name}`)
})
