import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import { DavDoor as Door, lockBody } from '../../testing/dav-door.ts'

describe('the tree', () => {
  test('is the cluster, with what is on disk in shared/ before it', async () => {
    await using door = await Door.open({ own: ['a/own'], others: ['a/other', 'b/c', 'top'] })
    await writeFile(join(door.peer.path, 'shared', '.DS_Store'), '')
    expect(await door.names()).toEqual(['.DS_Store', 'a/', 'b/', 'top'])
    expect(await door.names('a')).toEqual(['a/other', 'a/own'])
    expect((await door.ask('GET', 'a/other')).body).toBe('a/other')
    expect(await door.status('GET', 'nothing')).toBe(404)
  })

  test('pages through folders of other peers', async () => {
    const others = Array.from({ length: 1_200 }, (_, index) => `f/${index}`)
    await using door = await Door.open({ others })
    expect(await door.names('f')).toEqual(others.toSorted())
  })

  test('finds a file among names that begin like it', async () => {
    await using door = await Door.open({ others: ['a', 'a b', 'a.b', 'a/b', 'a0', '\ue000'] })
    for (const name of ['a%20b', 'a.b', 'a0', '%EE%80%80'])
      expect(await door.status('HEAD', name)).toBe(200)
    for (const name of ['a%20', 'a.', 'b']) expect(await door.status('HEAD', name)).toBe(404)
  })

  test('is not shown in part when the index is away', async () => {
    await using door = await Door.open({ own: ['a'] })
    door.loseIndex()
    expect(await door.status('PROPFIND', '', { depth: '1' })).toBe(503)
    expect(await door.status('GET', 'a')).toBe(200)
    expect(await door.status('PUT', 'b', {}, 'x')).toBe(201)
    expect(await door.status('DELETE', 'a')).toBe(204)
  })
})

describe('a written file', () => {
  test('is there immediately, and gone immediately when it is deleted', async () => {
    await using door = await Door.open()
    const put = await door.ask('PUT', 'a%20b', {}, 'text')
    expect([put.statusCode, put.headers.etag]).toEqual([
      201,
      expect.stringMatching(/^"[\w-]{43}"$/),
    ])
    expect(await door.names()).toEqual(['a b'])
    expect((await door.ask('GET', 'a%20b')).body).toBe('text')
    expect(await door.status('PUT', 'a%20b', {}, 'other')).toBe(204)
    expect((await door.ask('GET', 'a%20b', { range: 'bytes=1-2' })).body).toBe('th')
    expect(await door.status('DELETE', 'a%20b')).toBe(204)
    expect(await door.status('GET', 'a%20b')).toBe(404)
  })

  test('that the index still lists is gone', async () => {
    await using door = await Door.open({ own: ['a/b', 'c'] })
    expect(await door.status('DELETE', 'a')).toBe(204)
    expect(await door.status('MOVE', 'c', { destination: '/dav/d' })).toBe(201)
    expect(await door.names()).toEqual(['d'])
    for (const name of ['a', 'a/b', 'c']) expect(await door.status('GET', name)).toBe(404)
  })

  test.each(['a', '._a'])('gets the time that the client says: %s', async (name) => {
    await using door = await Door.open()
    const { headers } = await door.ask('PUT', name, { 'x-oc-mtime': '1500000000.5' }, 'text')
    expect(headers['x-oc-mtime']).toBe('accepted')
    const time = new Date(1_500_000_000_000).toUTCString()
    expect((await door.ask('HEAD', name)).headers['last-modified']).toBe(time)
    const other = await door.ask('PUT', 'b', { 'x-oc-mtime': 'yesterday' }, 'text')
    expect([other.statusCode, other.headers['x-oc-mtime']]).toEqual([201, undefined])
  })

  test('of an ignored name stays on this peer', async () => {
    await using door = await Door.open()
    expect(await door.status('PUT', '._a', {}, 'fork')).toBe(201)
    expect((await door.ask('GET', '._a')).body).toBe('fork')
    expect(door.peer.shared()).toEqual([])
    expect(await door.status('DELETE', '._a')).toBe(204)
    expect(await door.names()).toEqual([])
  })

  test.each([
    ['in a folder that does not exist', 'no/a', {}, 409],
    ['in a file', 'own/a', {}, 409],
    ['in the place of a folder', 'folder', {}, 405],
    ['with an invalid name', 'a%5Cb', {}, 400],
    ['encoded', 'own', { 'content-encoding': 'gzip' }, 400],
    ['with a part only', 'own', { 'content-range': 'bytes 0-1/4' }, 400],
    ['only if it is new', 'own', { 'if-none-match': '*' }, 412],
    ['only if it is another', 'own', { 'if-match': '"x"' }, 412],
  ])('is refused %s', async (_, name, headers, status) => {
    await using door = await Door.open({ own: ['own', 'folder/a'] })
    expect(await door.status('PUT', name, headers, 'text')).toBe(status)
    expect(await readFile(join(door.peer.path, 'shared', 'own'), 'utf8')).toBe('own')
  })

  test("may have the name of another peer's file", async () => {
    await using door = await Door.open({ others: ['a/b'] })
    expect(await door.status('PUT', 'a/b', {}, 'mine')).toBe(204)
    expect((await door.ask('GET', 'a/b')).body).toBe('mine')
  })
})

describe('what belongs to other peers', () => {
  test.each([
    ['DELETE', 'other', {}],
    ['DELETE', 'folder', {}],
    ['DELETE', 'mixed', {}],
    ['MOVE', 'other', { destination: '/dav/x' }],
    ['MOVE', 'mixed', { destination: '/dav/x' }],
    ['COPY', 'own', { destination: '/dav/mixed' }],
    ['PROPPATCH', 'other', {}],
  ])('is not changed by %s %s', async (method, name, headers) => {
    await using door = await Door.open({
      own: ['own', 'mixed/own'],
      others: ['other', 'folder/a', 'mixed/deep/other'],
    })
    const payload = method === 'PROPPATCH' ? patchOf('urn:x', 'a', '1') : undefined
    const { statusCode, body } = await door.ask(method, name, headers, payload)
    expect(statusCode).toBe(403)
    expect(body).toMatch(/belongs to another peer|Other peers have files in|cannot be changed/)
    expect(door.peer.shared()).toEqual(['mixed/own', 'own'])
  })

  test('can be copied into shared/', async () => {
    await using door = await Door.open({ own: ['f/own'], others: ['f/g/other'] })
    expect(await door.status('COPY', 'f', { destination: '/dav/new' })).toBe(201)
    expect(door.peer.shared()).toEqual(['f/own', 'new/g/other', 'new/own'])
  })
})

describe('a copy or move', () => {
  test.each([
    ['MOVE', 'a', 'b', {}, 204],
    ['MOVE', 'a', 'new', {}, 201],
    ['MOVE', 'a', 'b', { overwrite: 'F' }, 412],
    ['COPY', 'a', 'b', { overwrite: 'F' }, 412],
    ['COPY', 'a', 'a', {}, 403],
    ['COPY', 'f', 'f/g', {}, 403],
    ['MOVE', 'f/x', 'f', {}, 403],
    ['MOVE', 'a', 'no/x', {}, 409],
    ['MOVE', 'no', 'x', {}, 404],
    ['MOVE', 'f', 'x', { depth: '0' }, 400],
    ['MOVE', 'a', 'f', {}, 204],
    ['COPY', 'f', 'a', {}, 204],
  ])('%s %s to %s %j', async (method, from, to, headers, status) => {
    await using door = await Door.open({ own: ['a', 'b', 'f/x'] })
    const destination = `http://localhost/dav/${to}`
    expect(await door.status(method, from, { destination, ...headers })).toBe(status)
    const isUnchanged = door.peer.shared().join() === 'a,b,f/x'
    const isDone = !isUnchanged && existsSync(join(door.peer.path, 'shared', to))
    expect([isUnchanged, isDone]).toEqual([status >= 300, status < 300])
  })

  test('to another server is refused', async () => {
    await using door = await Door.open({ own: ['a'] })
    expect(await door.status('MOVE', 'a', { destination: 'http://other/dav/b' })).toBe(502)
    expect(await door.status('MOVE', 'a')).toBe(400)
  })
})

describe('a lock', () => {
  test('keeps others from writing, until it is removed', async () => {
    await using door = await Door.open({ own: ['a', 'b'] })
    const token = await door.lock('a')
    const mine = { if: `(<${token}>)` }
    const refused = await door.ask('PUT', 'a', {}, 'x')
    expect([refused.statusCode, refused.body]).toEqual([
      423,
      expect.stringContaining('<D:lock-token-submitted><D:href>/dav/a</D:href>'),
    ])
    for (const [method, name, headers] of [
      ['DELETE', 'a', {}],
      ['MOVE', 'b', { destination: '/dav/a' }],
      ['PROPPATCH', 'a', {}],
    ] as const)
      expect(
        await door.status(
          method,
          name,
          headers,
          method === 'PROPPATCH' ? patchOf('urn:x', 'a', '1') : undefined,
        ),
      ).toBe(423)
    expect(await door.status('PUT', 'a', mine, 'x')).toBe(204)
    expect(await door.status('LOCK', 'a', {}, lockBody)).toBe(423)
    expect(await door.status('LOCK', 'a', { ...mine, timeout: 'Second-99' })).toBe(200)
    const { body } = await door.ask('PROPFIND', 'a', { depth: '0' })
    expect(body).toContain(`<D:locktoken><D:href>${token}</D:href>`)
    expect(body).toContain('<D:timeout>Second-99</D:timeout>')
    expect(await door.status('UNLOCK', 'a', { 'lock-token': '<urn:x>' })).toBe(409)
    expect(await door.status('UNLOCK', 'a', { 'lock-token': `<${token}>` })).toBe(204)
    expect(await door.status('DELETE', 'a')).toBe(204)
  })

  test('of a new name creates an empty file', async () => {
    await using door = await Door.open()
    const token = await door.lock('new')
    expect((await door.ask('GET', 'new')).headers['content-length']).toBe('0')
    expect(await door.status('PUT', 'new', { if: `(<${token}>)` }, 'text')).toBe(204)
    expect(await door.status('LOCK', 'no/new', {}, lockBody)).toBe(409)
  })

  test.each(['<a/>', '<D:lockinfo xmlns:D="DAV:"/>', 'text'])(
    'needs a request: %s',
    async (body) => {
      await using door = await Door.open({ own: ['a'] })
      expect(await door.status('LOCK', 'a', {}, body)).toBe(400)
    },
  )
})

function patchOf(namespace: string, name: string, value: string): string {
  return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><${name} xmlns="${namespace}">${value}</${name}></D:prop></D:set></D:propertyupdate>`
}

function findOf(inner: string): string {
  return `<D:propfind xmlns:D="DAV:">${inner}</D:propfind>`
}

describe('properties', () => {
  test('that clients store follow their file', async () => {
    await using door = await Door.open({ own: ['a'] })
    expect(
      (await door.ask('PROPPATCH', 'a', {}, patchOf('urn:x', 'p', 'v &amp; w'))).body,
    ).toContain('HTTP/1.1 200 OK')
    await door.ask('MOVE', 'a', { destination: '/dav/b' })
    const asked = findOf('<D:prop><p xmlns="urn:x"/><D:getcontentlength/><D:no/></D:prop>')
    const { body } = await door.ask('PROPFIND', 'b', { depth: '0' }, asked)
    expect(body).toContain(
      '<p xmlns="urn:x">v &amp; w</p><D:getcontentlength>1</D:getcontentlength>',
    )
    const names = await door.ask('PROPFIND', 'b', { depth: '0' }, findOf('<D:propname/>'))
    expect(names.body).toContain('<D:getetag/>')
    expect(body).toMatch(/<D:prop><D:no\/><\/D:prop><D:status>HTTP\/1.1 404/)
    expect(await door.ask('PUT', 'a', {}, 'x')).toMatchObject({ statusCode: 201 })
    expect((await door.ask('PROPFIND', 'a', { depth: '0' }, asked)).body).toContain(
      '<p xmlns="urn:x"/>',
    )
  })

  test('that the server computes are refused, and the others with them', async () => {
    await using door = await Door.open({ own: ['a'] })
    const patch = patchOf('DAV:', 'getetag', '"x"').replace(
      '<D:prop>',
      '<D:prop><p xmlns="urn:x"/>',
    )
    const { body } = await door.ask('PROPPATCH', 'a', {}, patch)
    expect(body).toMatch(/getetag.*403.*cannot-modify-protected-property.*<p.*424/)
    expect((await door.ask('PROPFIND', 'a', { depth: '0' })).body).not.toContain('urn:x')
  })

  test('tell how much room there is, if asked', async () => {
    await using door = await Door.open({ own: ['a'] })
    const asked = findOf('<D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop>')
    const { body } = await door.ask('PROPFIND', '', { depth: '0' }, asked)
    expect(body).toMatch(/<D:quota-available-bytes>\d+<.*<D:quota-used-bytes>1</)
    expect((await door.ask('PROPFIND', '', { depth: '0' })).body).not.toContain('quota')
  })

  test('of everything below are not listed at once', async () => {
    await using door = await Door.open()
    for (const headers of [{}, { depth: 'infinity' }] as const) {
      const { statusCode, body } = await door.ask('PROPFIND', '', headers)
      expect([statusCode, body]).toEqual([403, expect.stringContaining('propfind-finite-depth')])
    }
    expect(await door.status('PROPFIND', '', { depth: '2' })).toBe(400)
    expect(await door.status('PROPFIND', '', { depth: '0' }, '<a/>')).toBe(400)
    expect(await door.status('PROPFIND', '', { depth: '0' }, ' '.repeat(70_000))).toBe(413)
  })
})

describe('reading', () => {
  test.each([
    [{}, 200, 'abc'],
    [{ range: 'bytes=1-' }, 206, 'bc'],
    [{ range: 'bytes=-1' }, 206, 'c'],
    [{ range: 'bytes=5-' }, 416, undefined],
    [{ range: 'bytes=1-', 'if-range': '"other"' }, 200, 'abc'],
    [{ 'if-match': '"other"' }, 412, undefined],
  ])('%j', async (headers, status, text) => {
    await using door = await Door.open({ own: ['abc'] })
    const { statusCode, body } = await door.ask('GET', 'abc', headers)
    expect(statusCode).toBe(status)
    expect(text === undefined || body === text).toBe(true)
  })

  test('tells the length without the bytes, and nothing new to those who know', async () => {
    await using door = await Door.open({ own: ['abc'] })
    const { headers, body } = await door.ask('HEAD', 'abc')
    expect([headers['content-length'], body]).toEqual(['3', ''])
    expect(await door.status('GET', 'abc', { 'if-none-match': String(headers.etag) })).toBe(304)
    expect((await door.ask('GET', '')).headers.location).toBe('/browse/')
  })
})

test('folders are made one at a time', async () => {
  await using door = await Door.open({ own: ['file'] })
  expect(await door.status('MKCOL', 'a')).toBe(201)
  expect(await door.names()).toEqual(['a/', 'file'])
  expect(await door.status('MKCOL', 'a')).toBe(405)
  expect(await door.status('MKCOL', 'file')).toBe(405)
  expect(await door.status('MKCOL', 'b/c')).toBe(409)
  expect(await door.status('MKCOL', 'c', {}, '<a/>')).toBe(415)
  expect(await door.status('DELETE', 'a', { depth: '0' })).toBe(400)
  expect(await door.status('DELETE', '')).toBe(403)
})

test('one host gets half of the running requests, and others get theirs', async () => {
  await using door = await Door.open({ others: ['other'] })
  const release = door.holdIndex()
  const ask = async (address: string): Promise<number> =>
    (await door.ask('HEAD', 'other', {}, undefined, address)).statusCode
  const waiting = Array.from({ length: limits.davRequestsMax / 2 }, () => ask('10.0.0.1'))
  expect(await ask('10.0.0.1')).toBe(503)
  waiting.push(ask('10.0.0.2'))
  release()
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => 200))
  expect(await ask('10.0.0.1')).toBe(200)
})
