import { createHash } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../common/clock.ts'
import { AppError } from '../../../common/errors.ts'
import type { FoundContent, FoundSource } from '../../../common/protocol/messages.ts'
import { aContent, contentOf, type TestContent } from '../../../common/testing/contents.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { FakePeerApi } from '../../testing/fake-peer-api.ts'
import { fakeVitals } from '../../testing/fake-vitals.ts'
import type { Web } from '../routes.ts'
import { buildWeb } from '../web-server.ts'
import type { FileSources } from './file-sources.ts'

const mebibyte = 1024 * 1024
const modifiedMs = Date.UTC(2026, 0, 31, 12)
const modified = 'Sat, 31 Jan 2026 12:00:00 GMT'

/** The contents of a cluster: here, elsewhere, or both. */
class FakeFiles implements FileSources {
  readonly peerId = 'peer1'
  readonly zone = 'near'
  readonly clock = systemClock
  readonly contents = new Map<string, TestContent>()
  readonly here = new Set<string>()
  readonly sources = new Map<string, FoundSource[]>()
  readonly names = new Map<string, string[]>()
  readonly api = new FakePeerApi({ clock: systemClock })
  /** Local reads fail after so many bytes. */
  localBytesMax = Number.POSITIVE_INFINITY
  isIndexAway = false

  add(name: string, file: TestContent, { isHere = true } = {}): string {
    const { sha256 } = file.content
    this.contents.set(sha256, file)
    if (isHere) this.here.add(sha256)
    this.names.set(name, [...(this.names.get(name) ?? []), sha256])
    this.api.add(name, 'remote', file.bytes.toString('latin1'))
    return sha256
  }

  local(sha256: string) {
    const file = this.contents.get(sha256)
    return file && this.here.has(sha256) ? { ...file, modifiedMs } : undefined
  }

  async *readLocal({ sha256, range }: Parameters<FileSources['readLocal']>[0]) {
    const bytes = this.#part(sha256, range)
    for (let start = 0; start < bytes.length; start += 100_000) {
      if (start >= this.localBytesMax) throw new AppError('CONTENT_CHANGED', { name: 'it' })
      yield bytes.subarray(start, start + 100_000)
    }
  }

  async readOthers({ sha256, range, write }: Parameters<FileSources['readOthers']>[0]) {
    if (!this.sources.get(sha256)?.some(({ peerId }) => peerId !== 'peer1'))
      throw new AppError('NO_SOURCE', { name: 'it', tried: 'none' })
    await write(this.#part(sha256, range))
  }

  async chunkListOf({ sha256 }: FoundContent) {
    return this.contents.get(sha256)?.chunkList ?? new Uint8Array()
  }

  async lookup(name: string): Promise<FoundContent[]> {
    if (this.isIndexAway) throw new AppError('INDEX_UNREACHABLE', { address: 'x' })
    const found = this.names.get(name)
    if (found === undefined) throw new AppError('NAME_NOT_FOUND', { name })
    return found.flatMap((sha256) => {
      const file = this.contents.get(sha256)
      const sources = this.sources.get(sha256) ?? []
      return file === undefined ? [] : [{ ...file.content, modifiedMs, sources }]
    })
  }

  readonly folder: FileSources['folder'] = (request) => this.api.folder(request)

  #part(sha256: string, { start, bytes }: { start: number; bytes: number }): Buffer {
    return this.contents.get(sha256)?.bytes.subarray(start, start + bytes) ?? Buffer.alloc(0)
  }
}

function source(peerId: string, more: Partial<FoundSource> = {}): FoundSource {
  const port = 8_100 + Number(peerId.slice(4)) - 1
  const http = { host: '127.0.0.1', port }
  return { peerId, host: '127.0.0.1', port: 7_100, kind: 'shared', http, ...more }
}

let files: FakeFiles
let web: Web

beforeEach(async () => {
  files = new FakeFiles()
  web = await buildWeb(
    { allowedHosts: [] },
    { api: files.api.api, vitals: fakeVitals(), files, clock: systemClock, log: silentLog },
  )
})

async function get(
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'HEAD' | 'OPTIONS' = 'GET',
) {
  return await web.inject({ method, url, headers: { host: '127.0.0.1:8100', ...headers } })
}

test('a file has its bytes and all that describes them', async () => {
  const file = aContent(3 * mebibyte + 5)
  const sha256 = files.add('a/b.html', file)
  files.sources.set(sha256, [source('peer1'), source('peer3'), source('peer2', { zone: 'near' })])
  const reply = await get(`/files/${sha256}/a/b.html`)
  expect(reply.statusCode).toBe(200)
  expect(reply.rawPayload.equals(file.bytes)).toBe(true)
  const digest = Buffer.from(sha256, 'hex').toString('base64')
  expect(reply.headers).toMatchObject({
    etag: `"${sha256}"`,
    'content-length': String(file.content.size),
    'last-modified': modified,
    'accept-ranges': 'bytes',
    'repr-digest': `sha-256=:${digest}:`,
    digest: `SHA-256=${digest}`,
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-disposition': 'inline; filename="b.html"',
    'access-control-allow-origin': '*',
    'cache-control': 'private, max-age=31536000, immutable',
  })
  expect(reply.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/)
  const path = `/files/${sha256}/a/b.html`
  expect(reply.headers.link).toBe(
    [
      `<${path}.meta4>; rel=describedby; type="application/metalink4+xml"`,
      `<${path}.torrent>; rel=describedby; type="application/x-bittorrent"`,
      `<http://127.0.0.1:8101${path}>; rel=duplicate; pri=1`,
      `<http://127.0.0.1:8102${path}>; rel=duplicate; pri=2`,
    ].join(', '),
  )
  const head = await get(path, {}, 'HEAD')
  expect([head.rawPayload.length, head.headers['content-length']]).toEqual([0, '3145733'])
})

test.each([
  ['bytes=0-0', 206, 0, 1],
  ['bytes=5-', 206, 5, 95],
  ['bytes=-7', 206, 93, 7],
  ['bytes=-700', 206, 0, 100],
  ['bytes=90-900', 206, 90, 10],
  ['bytes=0-1,5-6', 200, 0, 100],
  ['bytes=5-2', 200, 0, 100],
  ['lines=1-2', 200, 0, 100],
  ['bytes=x', 200, 0, 100],
])('the range %s', async (range, status, start, bytes) => {
  const file = aContent(100)
  const sha256 = files.add('f', file)
  const reply = await get(`/files/${sha256}/f`, { range })
  expect(reply.statusCode).toBe(status)
  expect(reply.rawPayload.equals(file.bytes.subarray(start, start + bytes))).toBe(true)
  const isPart = status === 206
  expect(reply.headers['content-range']).toBe(
    isPart ? `bytes ${start}-${start + bytes - 1}/100` : undefined,
  )
})

test.each(['bytes=100-', 'bytes=-0'])('the range %s is beyond the file', async (range) => {
  const sha256 = files.add('f', aContent(100))
  const reply = await get(`/files/${sha256}/f`, { range })
  expect([reply.statusCode, reply.headers['content-range']]).toEqual([416, 'bytes */100'])
  expect(reply.json()).toMatchObject({ code: 'RANGE_UNSATISFIABLE' })
  expect(reply.headers['cache-control']).toBeUndefined()
})

test('conditions compare the hash', async () => {
  const sha256 = files.add('f', aContent(100))
  const etag = `"${sha256}"`
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await get(`/files/${sha256}/f`, headers)).statusCode
  expect(await status({ 'if-none-match': `"x", W/${etag}` })).toBe(304)
  expect(await status({ 'if-none-match': '"x"' })).toBe(200)
  expect(await status({ 'if-match': '"x"' })).toBe(412)
  expect(await status({ 'if-match': etag })).toBe(200)
  expect(await status({ 'if-modified-since': modified })).toBe(304)
  const range = 'bytes=1-2'
  expect(await status({ range, 'if-range': etag })).toBe(206)
  expect(await status({ range, 'if-range': '"x"' })).toBe(200)
  expect(await status({ range, 'if-range': modified })).toBe(200)
})

test('an empty file is one', async () => {
  const sha256 = files.add('empty', aContent(0))
  const reply = await get(`/files/${sha256}/empty`)
  expect([reply.statusCode, reply.headers['content-length']]).toEqual([200, '0'])
})

test('names of any kind are what the client saves', async () => {
  const long = `${'д'.repeat(122)}.txt`
  for (const [name, disposition] of [
    [
      'отчёт.txt',
      `inline; filename="_____.txt"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.txt`,
    ],
    [
      `it's "100%".bin`,
      `attachment; filename="it's _100__.bin"; filename*=UTF-8''it%27s%20%22100%25%22.bin`,
    ],
    [
      'Łódź é.bin',
      `attachment; filename="_odz e.bin"; filename*=UTF-8''%C5%81%C3%B3d%C5%BA%20%C3%A9.bin`,
    ],
    [
      long,
      `inline; filename="${'_'.repeat(122)}.txt"; filename*=UTF-8''${'%D0%B4'.repeat(122)}.txt`,
    ],
  ] as const) {
    const sha256 = files.add(name, contentOf(Buffer.from(name)))
    const reply = await get(`/files/${sha256}/${encodeURIComponent(name)}`)
    expect(reply.headers['content-disposition']).toBe(disposition)
    expect(reply.body).toBe(name)
  }
})

test('a file of another peer is redirected to the nearest healthy one, once', async () => {
  const file = aContent(100)
  const sha256 = files.add('d/f', file, { isHere: false })
  files.sources.set(sha256, [
    source('peer2', { isSuspect: true }),
    source('peer3', { kind: 'partial' }),
    source('peer4', { http: { host: '127.0.0.1', port: 1, needsToken: true } }),
    source('peer5'),
    source('peer6', { zone: 'near' }),
  ])
  const reply = await get(`/files/${sha256}/d/f`)
  expect([reply.statusCode, reply.headers.location]).toEqual([
    307,
    `http://127.0.0.1:8105/files/${sha256}/d/f?via=peer1`,
  ])
  const saved = await get(`/files/${sha256}/d/f?download`)
  expect(saved.headers.location).toMatch(/\?via=peer1&download$/)
  const direct = await get(`/files/${sha256}/d/f?via=peer9`)
  expect([direct.statusCode, direct.rawPayload.equals(file.bytes)]).toEqual([200, true])
  files.sources.set(sha256, [source('peer2', { isSuspect: true })])
  const relayed = await get(`/files/${sha256}/d/f`, { range: 'bytes=3-9' })
  expect([relayed.statusCode, relayed.rawPayload.equals(file.bytes.subarray(3, 10))]).toEqual([
    206,
    true,
  ])
})

test('what is not known is not found', async () => {
  const sha256 = files.add('f', aContent(1))
  expect((await get(`/files/${'a'.repeat(64)}/f`)).json()).toMatchObject({
    code: 'CONTENT_NOT_FOUND',
  })
  expect((await get(`/files/${'a'.repeat(64)}/g`)).json()).toMatchObject({ code: 'NAME_NOT_FOUND' })
  expect((await get('/files/abc/f')).json()).toMatchObject({ code: 'BAD_REQUEST' })
  expect((await get(`/files/${sha256}/..%2Ff`)).json()).toMatchObject({ code: 'NAME_INVALID' })
})

test('a local file is served while the index is away', async () => {
  const file = aContent(100)
  const sha256 = files.add('f', file)
  files.isIndexAway = true
  expect((await get(`/files/${sha256}/f`)).rawPayload.equals(file.bytes)).toBe(true)
  const other = files.add('g', aContent(5), { isHere: false })
  expect((await get(`/files/${other}/g`)).json()).toMatchObject({ code: 'INDEX_UNREACHABLE' })
})

test('a file that rots while it is sent is continued from another peer, or ends broken', async () => {
  const file = aContent(mebibyte)
  const sha256 = files.add('f', file)
  files.localBytesMax = 300_000
  files.sources.set(sha256, [source('peer1'), source('peer2')])
  const url = `/files/${sha256}/f`
  expect((await get(url)).rawPayload.equals(file.bytes)).toBe(true)
  files.sources.set(sha256, [source('peer1')])
  await expect(get(url)).rejects.toThrow(/before completion/)
  files.localBytesMax = 0
  const failed = await get(url)
  expect([failed.statusCode, failed.headers.etag]).toEqual([409, undefined])
})

test('a name has the preferred content, and links to the others', async () => {
  const [first, second] = [aContent(5, 'first'), aContent(6, 'second')]
  const sha256 = files.add('d/ü', first)
  const other = files.add('d/ü', second)
  const reply = await get('/files/by-name/d/%C3%BC')
  expect(reply.rawPayload.equals(first.bytes)).toBe(true)
  expect(reply.headers['content-location']).toBe(`/files/${sha256}/d/%C3%BC`)
  expect(reply.headers.link).toContain(`</files/${other}/d/%C3%BC>; rel=alternate`)
  expect(reply.headers['cache-control']).toBe('private, no-cache')
  expect(reply.headers['access-control-allow-origin']).toBeUndefined()
})

test('other origins may ask for ranges of a content whose hash they know', async () => {
  const sha256 = files.add('f', aContent(1))
  const headers = { origin: 'http://other.example', 'access-control-request-method': 'GET' }
  const reply = await get(`/files/${sha256}/f`, headers, 'OPTIONS')
  expect(reply.statusCode).toBe(204)
  expect(reply.headers['access-control-allow-headers']).toContain('range')
})

test('a Metalink has every healthy source, pieces, and the whole hash', async () => {
  const file = aContent(2 * mebibyte + 1)
  const sha256 = files.add('d/a & b', file)
  files.sources.set(sha256, [
    source('peer1'),
    source('peer3'),
    source('peer2', { isSuspect: true }),
  ])
  const path = `/files/${sha256}/d/a%20%26%20b`
  const reply = await get(`${path}.meta4`)
  expect(reply.headers['content-type']).toBe('application/metalink4+xml')
  expect(reply.body).toContain('<file name="a &amp; b">')
  expect(reply.body).toContain(`<hash type="sha-256">${sha256}</hash>`)
  expect(reply.body).toContain('<pieces length="1048576" type="sha-256">')
  expect(reply.body.match(/<url.*<\/url>/g)).toEqual([
    `<url priority="1">http://127.0.0.1:8100${path}</url>`,
    `<url priority="2">http://127.0.0.1:8102${path}</url>`,
  ])
  expect((await get('/files/by-name/d/a%20%26%20b.meta4')).statusCode).toBe(404)
})

test('a file whose name ends like a document is itself; its Metalink ends so twice', async () => {
  const file = contentOf(Buffer.from('not xml'))
  const sha256 = files.add('x.meta4', file)
  expect((await get(`/files/${sha256}/x.meta4`)).body).toBe('not xml')
  expect((await get(`/files/${sha256}/x.meta4.meta4`)).body).toContain('<file name="x.meta4">')
})

test('a torrent has the SHA-1 of each piece and its web seeds', async () => {
  const file = aContent(2 * mebibyte + 1)
  const sha256 = files.add('d/f', file, { isHere: false })
  files.sources.set(sha256, [source('peer2')])
  const torrent = (await get(`/files/${sha256}/d/f.torrent`)).rawPayload
  for (const start of [0, mebibyte, 2 * mebibyte]) {
    const piece = file.bytes.subarray(start, start + mebibyte)
    expect(torrent.includes(createHash('sha1').update(piece).digest())).toBe(true)
  }
  expect(torrent.toString('latin1')).toContain(`http://127.0.0.1:8101/files/${sha256}/d/f`)
  const other = files.add('d/g', file, { isHere: false })
  const head = await get(`/files/${other}/d/g.torrent`, {}, 'HEAD')
  expect([head.statusCode, head.headers['content-length']]).toEqual([200, String(torrent.length)])
})

test('folders are pages of links', async () => {
  files.add('d/<b> & "c"', aContent(1234))
  files.add('d/sub/x', aContent(1))
  const page = await get('/browse/d/')
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(page.body).toContain('<a href="%3Cb%3E%20%26%20%22c%22">&lt;b&gt; &amp; &quot;c&quot;</a>')
  expect(page.body).toContain('<a href="sub/">sub/</a>')
  expect(page.body).toContain('<a href="../">../</a>')
  expect(page.body).not.toContain('<b>')
  expect((await get('/browse/')).body).toContain('<a href="d/">d/</a>')
  expect((await get('/browse/d')).headers.location).toBe('/browse/d/')
  expect((await get('/browse/none/')).statusCode).toBe(404)
  const file = await get('/browse/d/%3Cb%3E%20%26%20%22c%22')
  expect(file.rawPayload.length).toBe(1234)
})

test('a large folder has a link to its next page', async () => {
  for (let index = 0; index < 30; index += 1) files.add(`n${index}`, aContent(1, String(index)))
  const links = async (url: string): Promise<string[]> =>
    ((await get(url)).body.match(/<a href="n\d+"/g) ?? []).map(String)
  const first = await get('/browse/?limit=20')
  const [, next = ''] = /<a rel="next" href="([^"]+)"/.exec(first.body) ?? []
  expect(await links('/browse/?limit=20')).toHaveLength(20)
  expect(await links(`/browse/${next}`)).toHaveLength(10)
})
