/** What other clients do between the checks of a change and its end. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../common/errors.ts'
import { DavDoor, lockBody } from '../../testing/dav-door.ts'

async function textOf(door: DavDoor, name: string): Promise<string> {
  return await readFile(join(door.peer.path, 'shared', name), 'utf8')
}

describe('a PUT', () => {
  test('of a new name does not replace a file that appears', async () => {
    await using door = await DavDoor.open()
    const isNew = { 'if-none-match': '*' }
    for (const name of ['a', '._a']) {
      const first = async (): Promise<void> =>
        expect(await door.status('PUT', name, isNew, 'first')).toBe(201)
      door.meanwhile(first)
      expect(await door.status('PUT', name, isNew, 'second')).toBe(412)
      expect(await textOf(door, name)).toBe('first')
    }
  })

  test('does not replace a file that changes', async () => {
    await using door = await DavDoor.open({ own: ['a'] })
    const etag = String((await door.ask('HEAD', 'a')).headers.etag)
    door.meanwhile(() => door.ask('PUT', 'a', {}, 'first'))
    expect(await door.status('PUT', 'a', { 'if-match': etag }, 'second')).toBe(412)
    expect(await textOf(door, 'a')).toBe('first')
  })

  test('is refused if the file is locked', async () => {
    await using door = await DavDoor.open({ own: ['a'] })
    door.meanwhile(() => door.lock('a'))
    expect(await door.status('PUT', 'a', {}, 'second')).toBe(423)
    expect(await textOf(door, 'a')).toBe('a')
  })
})

describe('a LOCK of a new name', () => {
  test('empties no file that appears, and is not granted', async () => {
    await using door = await DavDoor.open()
    door.meanwhile(() => door.peer.share.tree.keep(bytesOf('text'), keepOptions))
    expect(await door.status('LOCK', '._a', {}, lockBody)).toBe(412)
    expect(await textOf(door, '._a')).toBe('text')
    expect(await door.status('PUT', '._a', {}, 'other')).toBe(204)
  })

  test("creates no file without the index, which may know another peer's", async () => {
    await using door = await DavDoor.open({ own: ['own'], others: ['other'] })
    door.loseIndex()
    expect(await door.status('LOCK', 'other', {}, lockBody)).toBe(503)
    expect(door.peer.shared()).toEqual(['own'])
    expect(await door.status('LOCK', 'own', {}, lockBody)).toBe(200)
  })
})

describe('a copy or move', () => {
  test.each([
    ['COPY', 'own'],
    ['COPY', 'other'],
    ['MOVE', 'own'],
  ])('does not replace a file that appears: %s of %s', async (method, from) => {
    await using door = await DavDoor.open({ own: ['own'], others: ['other'] })
    door.meanwhile(() => door.ask('PUT', 'new', {}, 'text'))
    const headers = { destination: '/dav/new', overwrite: 'F' }
    expect(await door.status(method, from, headers)).toBe(412)
    expect(await textOf(door, 'new')).toBe('text')
    expect(await textOf(door, 'own')).toBe('own')
  })
})

const keepOptions = { name: '._a', replace: false, signal: AbortSignal.timeout(60_000) }

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

test('a copy that fails leaves the folder that it should replace, and nothing else', async () => {
  await using door = await DavDoor.open({ own: ['from/a', 'to/b'] })
  door.meanwhile(() => {
    throw new AppError('DISK_FULL', { path: 'to', neededBytes: 1, freeBytes: 0 })
  })
  expect(await door.status('COPY', 'from', { destination: '/dav/to' })).toBe(507)
  expect(door.peer.shared()).toEqual(['from/a', 'to/b'])
  expect(await door.names()).toEqual(['from/', 'to/'])
  expect(await door.status('COPY', 'from', { destination: '/dav/to' })).toBe(204)
  expect(door.peer.shared()).toEqual(['from/a', 'to/a'])
  expect(await door.names()).toEqual(['from/', 'to/'])
})
