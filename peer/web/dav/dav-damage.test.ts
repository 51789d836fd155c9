/** What is damaged on the disk of a peer, seen through the door. */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { damageFile } from '../../../common/testing/damage-file.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { DavDoor } from '../../testing/dav-door.ts'
import { DeadProperties } from './dead-properties.ts'

function patchOf(name: string, value: string): string {
  return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><${name} xmlns="urn:x">${value}</${name}></D:prop></D:set></D:propertyupdate>`
}

async function overwrite(path: string): Promise<void> {
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(0xff, 4_096))
}

/** Uses every method that needs properties: the statuses, and what a client reads that it stored last. */
async function outcomes(door: DavDoor): Promise<unknown[]> {
  return [
    await door.status('PUT', 'b', {}, 'text'),
    await door.status('PROPFIND', 'a', { depth: '0' }),
    await door.status('MOVE', 'b', { destination: '/dav/c' }),
    await door.status('COPY', 'c', { destination: '/dav/d' }),
    await door.status('DELETE', 'd'),
    (await door.ask('PROPPATCH', 'c', {}, patchOf('p', 'new'))).body.includes('200 OK'),
    (await door.ask('PROPFIND', 'c', { depth: '0' })).body.includes('>new</p>'),
  ]
}
const usable = [201, 207, 201, 201, 204, true, true]

describe('a damaged database of properties', () => {
  test('of which only a query finds the damage is replaced', async () => {
    await using door = await DavDoor.open({ own: ['a'] })
    const path = join(door.peer.path, 'dav.db')
    const before = new DeadProperties(path, { clock: new FakeClock(), log: silentLog })
    for (let index = 0; index < 50; index += 1)
      before.change('a', [{ namespace: 'urn:x', name: `p${index}`, xml: 'x'.repeat(1_000) }])
    before[Symbol.dispose]()
    await overwrite(path)
    expect(await outcomes(door)).toEqual(usable)
  })

  test.each([
    ['overwritten', overwrite],
    ['emptied', async (path: string) => await truncate(path)],
    ['removed', async (path: string) => await rm(path)],
  ])('that is %s at run time keeps nothing else from working', async (_, damage) => {
    await using door = await DavDoor.open({ own: ['a'] })
    for (let index = 0; index < 20; index += 1) {
      const { body } = await door.ask('PROPPATCH', 'a', {}, patchOf(`p${index}`, 'x'.repeat(8_000)))
      expect(body).toContain('200 OK')
    }
    for (const suffix of ['', '-wal']) await damage(join(door.peer.path, `dav.db${suffix}`))
    expect(await outcomes(door)).toEqual(usable)
  })
})

describe('a damaged file', () => {
  test.each(['found', 'not found yet'])(
    'that is %s is copied with its good bytes',
    async (state) => {
      await using door = await DavDoor.open({ own: ['folder/file'] })
      const { path, share } = door.peer
      const damaged = join(path, 'shared', 'folder/file')
      await damageFile(damaged, 3)
      if (state === 'found') await share.readCopy(damaged, { signal })
      expect(await door.status('COPY', 'folder/file', { destination: '/dav/copy' })).toBe(201)
      expect(await door.status('COPY', 'folder', { destination: '/dav/folders' })).toBe(201)
      for (const copy of ['copy', 'folders/file']) {
        expect(await readFile(join(path, 'shared', copy), 'utf8')).toBe('folder/file')
        expect((await door.ask('GET', copy)).body).toBe('folder/file')
      }
      await expect.poll(() => share.problems()).toMatchObject([{ path: damaged, code: 'DAMAGED' }])
      expect(await door.status('MOVE', 'folder/file', { destination: '/dav/moved' })).toBe(201)
      expect((await share.tree.look('moved'))?.isDamaged).toBe(true)
    },
  )
})

const { signal } = new AbortController()
