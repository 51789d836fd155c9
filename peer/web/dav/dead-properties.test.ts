import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { DeadProperties, propertiesPerNameMax } from './dead-properties.ts'

const clock = new FakeClock()
const dependencies = { clock, log: silentLog }

const property = (
  name: string,
  xml?: string,
): { namespace: string; name: string; xml?: string } => ({
  namespace: 'urn:x',
  name,
  ...(xml !== undefined && { xml }),
})

function xmlOf(properties: DeadProperties, name: string): string[] {
  return properties.of(name).map(({ xml }) => xml)
}

test('properties are kept, replaced and removed, all or none', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'dav.db')
  using properties = new DeadProperties(path, dependencies)
  properties.change('a', [property('one', '1'), property('two', '2')])
  properties.change('a', [property('one', '3'), property('two'), property('three')])
  expect(xmlOf(properties, 'a')).toEqual(['3'])
  const many = Array.from({ length: propertiesPerNameMax }, (_, index) =>
    property(`p${index}`, 'x'),
  )
  expect(properties.change('a', many)).toBe(false)
  expect(xmlOf(properties, 'a')).toEqual(['3'])
  properties[Symbol.dispose]()
  using again = new DeadProperties(path, dependencies)
  expect(xmlOf(again, 'a')).toEqual(['3'])
})

test('they follow their file or folder, and nothing beside it', async () => {
  await using folder = await temporaryFolder()
  using properties = new DeadProperties(join(folder.path, 'dav.db'), dependencies)
  for (const name of ['a', 'a/b', 'a/b/c', 'ab', 'z'])
    properties.change(name, [property('of', name)])
  properties.copy('a', 'z', { moves: false })
  expect(['a', 'z', 'z/b', 'z/b/c'].flatMap((name) => xmlOf(properties, name))).toEqual([
    'a',
    'a',
    'a/b',
    'a/b/c',
  ])
  properties.copy('z', 'y', { moves: true })
  expect(['z', 'z/b', 'y/b'].map((name) => xmlOf(properties, name).length)).toEqual([0, 0, 1])
  properties.remove('a')
  expect(['a', 'a/b', 'ab'].map((name) => xmlOf(properties, name).length)).toEqual([0, 0, 1])
})

test('a damaged database is moved aside, and a new one begins', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'dav.db')
  await writeFile(path, 'this is no database'.repeat(999))
  using properties = new DeadProperties(path, dependencies)
  expect(properties.change('a', [property('one', '1')])).toBe(true)
  expect(xmlOf(properties, 'a')).toEqual(['1'])
  expect(await readdir(folder.path)).toContain('dav.db.damaged')
})

test('without a usable database only a change of properties fails, until it is usable', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'dav.db')
  await mkdir(path)
  using properties = new DeadProperties(path, dependencies)
  const change = (): boolean => properties.change('a', [property('one', '1')])
  properties.remove('a')
  properties.copy('a', 'b', { moves: true })
  expect(properties.of('a')).toEqual([])
  expect(change).toThrow('EISDIR')
  await rmdir(path)
  // It is not tried again at once: an attempt may block.
  expect(change).toThrow('EISDIR')
  await clock.advance(10_000)
  expect(change()).toBe(true)
  expect(xmlOf(properties, 'a')).toEqual(['1'])
})
