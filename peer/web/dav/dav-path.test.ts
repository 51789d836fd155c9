import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toAppError } from '../../../common/errors.ts'
import { nameProblem } from '../../../common/ids.ts'
import { hrefOf, nameOfPath, nameOfUrl } from './dav-path.ts'

describe('a path', () => {
  test.each([
    ['/dav', ''],
    ['/dav/', ''],
    ['/dav/a', 'a'],
    ['/dav/a/', 'a'],
    ['/dav/a/b%20c.txt', 'a/b c.txt'],
    ['/dav/%D0%A4%D0%BE%D1%82%D0%BE', 'Фото'],
    ['/dav/cafe%CC%81', 'caf\u00e9'],
    ['/dav/a%3Fb%23c%25', 'a?b#c%'],
    ['/dav/a?x=1', 'a'],
  ])('%s is %j', (path, name) => {
    expect(nameOfPath(path)).toBe(name)
  })

  test.each([
    '/dav//a',
    '/dav/a//b',
    '/dav/./a',
    '/dav/../a',
    '/dav/a/%2e%2e/b',
    '/dav/a%2Fb',
    '/dav/a%5Cb',
    '/dav/a%00',
    '/dav/.tandem/x',
    '/dav/%EF%BF%BD',
    `/dav/${'a'.repeat(256)}`,
  ])('%s has no valid name', (path) => {
    expect(() => nameOfPath(path)).toThrow(/cannot be used as a name/)
  })

  test.each(['/dav/a#b', '/dav/%ff', '/dav/%'])('%s is refused', (path) => {
    expect(() => nameOfPath(path)).toThrow(/The request is invalid/)
  })

  test('of a valid name is that name again', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    const names = name
      .map((one) => one.normalize('NFC'))
      .filter((one) => nameProblem(one) === undefined)
    fc.assert(
      fc.property(names, fc.boolean(), (one, isFolder) => {
        const href = hrefOf(one, isFolder)
        expect(nameOfPath(href)).toBe(one)
        expect(href).toMatch(/^[!-~]+$/)
      }),
    )
  })
})

describe('a destination', () => {
  test.each([
    ['http://host:1/dav/a', 'a'],
    ['https://HOST:1/dav/a', 'a'],
    ['/dav/b%20c', 'b c'],
  ])('%s is %j', (url, name) => {
    expect(nameOfUrl(url, 'host:1')).toBe(name)
  })

  test.each(['http://other/dav/a', 'http://host:1/api/files', '/davs/a', 'ftp://host:1/dav/a', ''])(
    '%j is elsewhere',
    (url) => {
      expect(() => nameOfUrl(url, 'host:1')).toThrow(expect.objectContaining({ status: 502 }))
    },
  )

  test('with a bad name is refused', () => {
    const refused = (): unknown => {
      try {
        return nameOfUrl('/dav/../a', 'host')
      } catch (error) {
        return toAppError(error).code
      }
    }
    expect(refused()).toBe('NAME_INVALID')
  })
})
