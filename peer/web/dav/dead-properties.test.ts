import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { DeadProperties, propertiesPerNameMax } from './dead-properties.ts'

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
  using properties = new DeadProperties(path)
  properties.change('a', [property('one', '1'), property('two', '2')])
  properties.change('a', [property('one', '3'), property('two'), property('three')])
  expect(xmlOf(properties, 'a')).toEqual(['3'])
  const many = Array.from({ length: propertiesPerNameMax }, (_, index) =>
    property(`p${index}`, 'x'),
  )
  expect(properties.change('a', many)).toBe(false)
  expect(xmlOf(properties, 'a')).toEqual(['3'])
  properties[Symbol.dispose]()
  using again = new DeadProperties(path)
  expect(xmlOf(again, 'a')).toEqual(['3'])
})

test('they follow their file or folder, and nothing beside it', async () => {
  await using folder = await temporaryFolder()
  using properties = new DeadProperties(join(folder.path, 'dav.db'))
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
