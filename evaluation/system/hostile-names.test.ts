/** Names that try to leave their folder, from every source of names. */
import { readdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { aContent } from '../../common/testing/contents.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { apiOf, freePorts, startCluster } from './cluster-fixture.ts'
import { serving, startHostilePeer } from './hostile-peer.ts'
import { quickSettings } from './quick-settings.ts'
import { listenRaw, type RawConnection } from './raw-connection.ts'
import { runTandem } from './run-tandem.ts'
import { startTandem } from './tandem-process.ts'

const { content, ...rest } = aContent(1_000)
const hostileNames = [
  '../../escaped',
  '..',
  '/etc/escaped',
  'a/../../escaped',
  'a\0b',
  'a\nb',
  '..\\escaped',
  'a//b',
  '',
  'a/',
  'x'.repeat(1_025),
  `${'x'.repeat(256)}/a`,
] as const

/** What a peer writes for itself at any time. */
const ownState = /(^|\/)\.tandem\/(scrub\.json(\.new)?|[\w.-]+-(wal|shm|journal))$/

/** All paths below a folder but {@link ownState}. */
async function treeOf(folder: string): Promise<string[]> {
  const paths = await readdir(folder, { recursive: true })
  return paths.filter((path) => !ownState.test(path)).toSorted()
}

test('the index refuses hostile announcements, and keeps earlier ones', async () => {
  await using cluster = await startCluster({ peers: 1, settings: quickSettings })
  const { port: indexPort } = cluster.index
  await using peer = await startHostilePeer({ peerId: 'hostile', indexPort }, { content, ...rest })
  const put = { op: 'put', kind: 'shared', name: 'a name', modifiedMs: 0, ...content }
  expect(await peer.announce(put)).toHaveProperty('body')

  const refused = [
    ...[...hostileNames, './a', '\u{d800}'].map((name) => ({ ...put, name })),
    ...hostileNames.map((name) => ({ op: 'drop', kind: 'shared', name })),
    ...['../..', '/', 'a/b', '.', ''].map((owner) => ({ ...put, kind: 'replicated', owner })),
    { ...put, kind: 'replicated' },
    { ...put, owner: 'peer1' },
    { ...put, kind: 'stolen' },
    { ...put, sha256: '../../escaped' },
    { ...put, chunkRoot: 'f'.repeat(64) },
    { ...put, size: 0 },
    { ...put, size: -1 },
    { ...put, size: 2 ** 60 },
  ]
  for (const change of refused) {
    const reply = await peer.announce(change)
    expect(reply.error?.code, JSON.stringify(change).slice(0, 200)).toBe('BAD_REQUEST')
  }
  using api = apiOf(cluster.peer(1))
  const { files } = await api.search({ q: '', limit: 500 })
  expect(files.map(({ name }) => name)).toEqual(['a name'])
})

test('a hostile index cannot make a peer write outside its folder', async () => {
  await using folder = await temporaryFolder()
  await using source = await listenRaw(serving('source', { content, ...rest }))
  const registered = Promise.withResolvers<RawConnection>()
  const outcomes: unknown[] = []
  await using index = await listenRaw((type, body, connection) => {
    if (type === 'hello') {
      const welcome = { seenSeq: 0, heartbeatMs: 60_000 }
      return { body: { protocol: 'tandem/1', role: 'index', registered: welcome } }
    }
    if (type === 'announce') {
      registered.resolve(connection)
      return { body: { seenSeq: body['lastSeq'] } }
    }
    if (type === 'report') outcomes.push(...(body['outcomes'] as unknown[]))
    return { body: {} }
  })
  const [port, httpPort] = await freePorts()
  const dataFolder = join(folder.path, 'data', 'victim')
  const config = join(folder.path, 'config.json')
  await writeFile(config, '{}')
  const flags = ['--config', config, '--index', `127.0.0.1:${index.port}`]
  await using peer = await startTandem({
    role: 'peer',
    name: 'victim',
    dataFolder,
    port,
    httpPort,
    flags,
  })
  const connection = await registered.promise
  const before = await treeOf(folder.path)

  const sources = [{ peerId: 'source', host: '127.0.0.1', port: source.port, kind: 'shared' }]
  const task = { kind: 'replicate', taskId: 'good', name: 'good', owner: 'owner', content, sources }
  for (const owner of ['../..', '..', '/tmp', 'a/b'])
    expect(await connection.request('tasks', { tasks: [{ ...task, owner }] })).toMatchObject({
      error: { code: 'BAD_REQUEST' },
    })
  // Names of the right length pass the schema; the peer checks them when the task runs.
  const names = hostileNames.filter((name) => name.length > 0 && name.length <= 1_024)
  const bad = names.map((name, number) => ({ ...task, name, taskId: `bad ${number}` }))
  const drops = names.map((name, number) => {
    const { sha256 } = content
    return { kind: 'drop', taskId: `drop ${number}`, name, owner: 'owner', sha256 }
  })
  expect(await connection.request('tasks', { tasks: [...bad, ...drops, task] })).toEqual({
    body: {},
  })
  await expect.poll(() => outcomes).toHaveLength(bad.length + drops.length + 1)
  expect(outcomes).toContainEqual({ taskId: 'good' })
  const accepted = outcomes.filter((outcome) => !(outcome as { error?: string }).error)
  expect(accepted).toEqual([{ taskId: 'good' }])

  const added = (await treeOf(folder.path)).filter((path) => !before.includes(path))
  const own = join('data', 'victim', 'replicated')
  expect(added.filter((path) => !path.includes('.tandem')).toSorted()).toEqual([
    join(own, 'owner'),
    join(own, 'owner', 'good'),
  ])
  expect(peer.isRunning).toBe(true)
})

describe('a peer refuses hostile names', () => {
  test('in its HTTP API', async () => {
    await using cluster = await startCluster({ peers: 1, settings: quickSettings })
    const { apiUrl, dataFolder } = cluster.peer(1)
    const before = await treeOf(cluster.folder)
    const call = async (method: string, path: string, body?: string, type = 'application/json') => {
      const options = { method, host: apiUrl.hostname, port: apiUrl.port, path }
      const sent = request({
        ...options,
        headers: body === undefined ? {} : { 'content-type': type },
      })
      sent.end(body)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      sent.on('response', (response) => void json(response).then(resolve, reject))
      sent.on('error', reject)
      return await promise
    }
    for (const name of hostileNames) {
      const escaped = encodeURIComponent(name)
      const refused = { code: 'NAME_INVALID', retryable: false }
      expect(await call('GET', `/api/lookup?name=${escaped}`), name).toMatchObject(refused)
      expect(await call('GET', `/api/why?name=${escaped}`), name).toMatchObject(refused)
      const download = JSON.stringify({ name })
      expect(await call('POST', '/api/downloads', download), name).toMatchObject(refused)
      const push = `/api/files?name=${escaped}`
      const bytes = 'application/octet-stream'
      expect(await call('POST', push, 'x', bytes), name).toMatchObject(refused)
      expect(await call('DELETE', `/api/files/${escaped}`), name).toMatchObject(refused)
    }
    // A path that the client does not normalise.
    const { code } = (await call('DELETE', '/api/files/../../../etc/passwd')) as { code: string }
    expect(code).toBe('NAME_INVALID')
    expect(await treeOf(cluster.folder)).toEqual(before)
    expect(await readdir(join(dataFolder, 'shared'))).toEqual([])
  })

  test('on the command line', async () => {
    await using cluster = await startCluster({ peers: 1, settings: quickSettings })
    const { path } = await aFile(join(cluster.folder, 'mine'), 'mine.txt')
    const before = await treeOf(cluster.folder)
    const commands = [
      ['lookup', '../../x'],
      ['download', '/etc/passwd'],
      ['download', 'a\nb'],
      ['why', 'x'.repeat(1_025)],
      ['push', path, '--name', '../../../escaped'],
      ['unshare', '..'],
    ]
    for (const words of commands) {
      const ended = await runTandem([...words, '--api', cluster.peer(1).apiUrl.origin])
      expect([ended.code, ended.stdout], words.join(' ')).toEqual([1, ''])
      expect(ended.stderr).toMatch(/^NAME_INVALID: '.*' cannot be used as a name: .*\.\n$/)
    }
    expect(await treeOf(cluster.folder)).toEqual(before)
  })
})
