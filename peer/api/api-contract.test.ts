/**
 * What every PeerApi does, whether it is the peer itself or its HTTP API seen through the client:
 * the same answers, and the same errors with the same details.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { type ErrorCode } from '../../common/error-table.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { startWeb } from '../web/web-server.ts'
import type { PeerApi } from './calls.ts'
import { type HttpPeer, openHttpPeer } from './http-peer.ts'

interface Subject extends AsyncDisposable {
  readonly api: PeerApi
  readonly peer: FakePeerApi
}

async function directly(): Promise<Subject> {
  const peer = new FakePeerApi({ clock: systemClock })
  return { api: peer, peer, [Symbol.asyncDispose]: async () => {} }
}

async function overHttp(): Promise<Subject> {
  const peer = new FakePeerApi({ clock: systemClock })
  const web = await startWeb(
    { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
    { api: peer, vitals: fakeVitals, clock: systemClock, log: silentLog },
  )
  const url = new URL(`http://127.0.0.1:${web.address.port}`)
  const api = openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
  return {
    api,
    peer,
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]()
      await web[Symbol.asyncDispose]()
    },
  }
}

async function* inPieces(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

describe.each([
  { name: 'directly', open: directly },
  { name: 'over HTTP', open: overHttp },
])('a peer asked $name', ({ open }) => {
  test.each([
    'plain.txt',
    'photos/2026/a b.jpg',
    '100%.txt',
    'a%2Fb.txt',
    'a+b&c=d?e#f.txt',
    'żółw 🐢.bin',
    'it\'s "quoted".txt',
  ])('answers for the name %j', async (name) => {
    await using subject = await open()
    const { api, peer } = subject
    const { sha256 } = peer.add(name, 'shared')
    expect((await api.lookup({ name })).files).toEqual([
      expect.objectContaining({ sha256, size: Buffer.byteLength(name) }),
    ])
    expect((await api.why({ name })).name).toBe(name)
    expect(await api.versions({ name })).toEqual(await peer.versions({ name }))
    expect((await api.search({ q: name, limit: 10 })).files[0]?.name).toBe(name)
    const started = await api.startDownload({ name })
    expect((await api.download({ id: started.id, waitMs: 1_000 })).result?.name).toBe(name)
    await api.unshare({ name })
    expect(await codeOf(api.unshare({ name }))).toBe('NOT_SHARED')
    expect((await api.push({ name, bytes: inPieces('x'), replace: false, wait: false })).name).toBe(
      name,
    )
  })

  test('gives lists page by page', async () => {
    await using subject = await open()
    for (const name of ['a', 'b', 'c']) subject.peer.add(name, 'replicated')
    const first = await subject.api.list({ kind: 'replicated', limit: 2 })
    expect(first.files.map(({ name }) => name)).toEqual(['a', 'b'])
    const second = await subject.api.list({ kind: 'replicated', limit: 2, after: first.next ?? '' })
    expect(second).toEqual({ files: [expect.objectContaining({ name: 'c' })] })
    const found = await subject.api.search({ q: '', limit: 1 })
    expect(found.next).toBe('1')
  })

  test('answers about the cluster', async () => {
    await using subject = await open()
    const { api, peer } = subject
    expect(await api.peers()).toEqual(await peer.peers())
    expect(await api.stats()).toEqual(await peer.stats())
    expect(await api.status()).toEqual(await peer.status())
    peer.problemList.push({
      code: 'LINK_BROKEN',
      name: 'a\\xe9\n',
      folder: 'downloaded',
      path: '/data/downloaded/a\\xe9\n',
      reason: 'it is a link to something that is not there',
      remedy: 'Remove the link.',
    })
    expect(await api.problems()).toEqual(await peer.problems())
    expect((await api.why({ name: 'a\\xe9\n' })).problems).toHaveLength(1)
  })

  test('keeps entries of missing files until they are confirmed', async () => {
    await using subject = await open()
    const { api, peer } = subject
    peer.keptFiles = 3
    expect(await api.keptFolders()).toEqual(await peer.keptFolders())
    expect(await api.confirmDeletes()).toEqual({ files: 3 })
    expect(await api.keptFolders()).toEqual({ keptFolders: [] })
  })

  test('says which limits hold, and changes them', async () => {
    await using subject = await open()
    const { api } = subject
    const before = await api.limits()
    expect(before).toEqual(await subject.peer.limits())
    const change = { downloadBytesPerSecond: 'unlimited', connections: 9 } as const
    const { limits } = await api.changeLimits(change)
    expect(limits.connections).toEqual({ value: 9, from: 'hand' })
    const back = { downloadBytesPerSecond: null, connections: null }
    expect(await api.changeLimits(back)).toEqual(before)
  })

  test('shares pushed bytes, also none and many', async () => {
    await using subject = await open()
    const push = (name: string, ...pieces: string[]): Promise<{ size: number }> =>
      subject.api.push({ name, bytes: inPieces(...pieces), replace: false, wait: true })
    expect((await push('empty')).size).toBe(0)
    const mebibyte = 'm'.repeat(2 ** 20)
    expect((await push('large', ...Array.from({ length: 40 }, () => mebibyte))).size).toBe(
      40 * 2 ** 20,
    )
  })

  test.each<[ErrorCode, (api: PeerApi) => Promise<unknown>]>([
    ['NAME_NOT_FOUND', (api) => api.lookup({ name: 'nobody.txt' })],
    ['NAME_NOT_FOUND', (api) => api.why({ name: 'nobody.txt' })],
    ['NAME_NOT_FOUND', (api) => api.versions({ name: 'nobody.txt' })],
    ['NAME_INVALID', (api) => api.startDownload({ name: '../secret' })],
    [
      'NAME_INVALID',
      (api) => api.push({ name: '/etc/passwd', bytes: inPieces('x'), replace: false, wait: false }),
    ],
    [
      'NAME_EXISTS',
      (api) => api.push({ name: 'mine', bytes: inPieces('other'), replace: false, wait: false }),
    ],
    ['DOWNLOAD_NOT_FOUND', (api) => api.download({ id: '../d1', waitMs: 0 })],
    ['DOWNLOAD_NOT_FOUND', (api) => api.cancelDownload({ id: 'd1' })],
    ['NOT_SHARED', (api) => api.unshare({ name: 'nobody.txt' })],
    ['NOT_OWNER', (api) => api.unshare({ name: 'mine', owner: 'peer2' })],
  ])('fails with %s', async (code, work) => {
    await using subject = await open()
    subject.peer.add('mine', 'shared')
    expect(await codeOf(work(subject.api))).toBe(code)
  })

  test('keeps the details of an error', async () => {
    await using subject = await open()
    subject.peer.failure = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })
    await expect(subject.api.status()).rejects.toThrow(subject.peer.failure.message)
  })

  test('follows a download that is cancelled', async () => {
    await using subject = await open()
    subject.peer.finishesDownloads = false
    const { id } = await subject.api.startDownload({ name: 'slow.bin' })
    expect((await subject.api.download({ id, waitMs: 1 })).state).toBe('running')
    await subject.api.cancelDownload({ id })
    expect(await subject.api.download({ id, waitMs: 0 })).toMatchObject({
      state: 'failed',
      error: { code: 'CANCELLED' },
    })
  })

  test('pauses, lists and resumes a download', async () => {
    await using subject = await open()
    subject.peer.finishesDownloads = false
    const { id } = await subject.api.startDownload({ name: 'slow.bin', wait: false })
    expect(await subject.api.pauseDownload({ id })).toMatchObject({ id, state: 'paused' })
    expect(await subject.api.downloads()).toMatchObject([{ id, state: 'paused', sources: [] }])
    expect(await subject.api.resumeDownload({ id })).toMatchObject({ id, state: 'running' })
    expect(await codeOf(subject.api.pauseDownload({ id: 'none' }))).toBe('DOWNLOAD_NOT_FOUND')
    expect(await codeOf(subject.api.resumeDownload({ id: 'none' }))).toBe('DOWNLOAD_NOT_FOUND')
  })

  test('stops waiting when told to', async () => {
    await using subject = await open()
    subject.peer.finishesDownloads = false
    const { id } = await subject.api.startDownload({ name: 'slow.bin' })
    const stop = new AbortController()
    const waiting = subject.api.download({ id, waitMs: 20_000 }, stop.signal)
    stop.abort(new AppError('CANCELLED', { what: 'It' }))
    expect(await codeOf(waiting)).toBe('CANCELLED')
  })
})

describe('a client of something that is no peer', () => {
  async function answering(listener: Parameters<typeof createServer>[1]): Promise<Server> {
    const server = createServer(listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  function clientOf(server: Server): HttpPeer {
    const { port } = server.address() as AddressInfo
    const url = new URL(`http://127.0.0.1:${port}`)
    return openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
  }
  async function close(server: Server): Promise<void> {
    server.closeAllConnections()
    await server[Symbol.asyncDispose]()
  }

  test('says that none answers', async () => {
    const server = await answering(() => {})
    const client = clientOf(server)
    await close(server)
    const error = await client.status().catch((thrown: unknown) => thrown)
    expect(hasCode(error, 'PEER_UNREACHABLE') && error.message).toContain(
      'tandem peer --peer peer1',
    )
  })

  test.each([
    ['text', 200, 'hello'],
    ['other JSON', 200, '{"peers": 3}'],
    ['an error page', 502, '<html>'],
  ])('takes %s for a wrong answer', async (_name, status, body) => {
    const server = await answering((_request, response) => response.writeHead(status).end(body))
    using client = clientOf(server)
    expect(await codeOf(client.status())).toBe('BAD_REPLY')
    await close(server)
  })

  test('says that the connection broke', async () => {
    const server = await answering((request) => request.socket.destroy())
    using client = clientOf(server)
    expect(await codeOf(client.status())).toBe('CONNECTION_CLOSED')
    await close(server)
  })
})
