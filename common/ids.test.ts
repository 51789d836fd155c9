import { join, relative, sep } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from './errors.ts'
import {
  isPeerId,
  isSha256,
  nameProblem,
  parseName,
  parsePeerId,
  windowsNameProblem,
} from './ids.ts'
import { limits } from './limits.ts'

describe('names', () => {
  test.each([
    'a',
    'notes.txt',
    'photos/2026/a b.jpg',
    'Zażółć/日本語/🙂.txt',
    '...',
    '.hidden',
    'a..b/..c',
    '-rf',
    '~',
    'C:',
    'con',
    'a'.repeat(limits.nameSegmentBytesMax),
    Array.from({ length: 4 }, () => 'b'.repeat(limits.nameSegmentBytesMax)).join('/'),
  ])('%j is one', (name) => {
    expect(nameProblem(name)).toBeUndefined()
    expect(parseName(name)).toBe(name)
  })

  test.each([
    ['', 'it is empty'],
    ['.', "it has the path segment '.'"],
    ['..', "it has the path segment '..'"],
    ['a/../b', "it has the path segment '..'"],
    ['../a', "it has the path segment '..'"],
    ['a/./b', "it has the path segment '.'"],
    ['/etc/passwd', 'it is an absolute path'],
    ['a//b', 'it has an empty path segment'],
    ['a/', 'it has an empty path segment'],
    ['a\\b', 'it has a backslash'],
    ['a\0b', 'it has a control character'],
    ['a\nb', 'it has a control character'],
    ['\u001b[2J', 'it has a control character'],
    ['a\u007f', 'it has a control character'],
    ['e\u0301', 'it is not in Unicode normal form C'],
    ['\ud800', 'it is not valid UTF-8'],
    ['a\ufffd', 'it is not valid UTF-8'],
    ['a'.repeat(limits.nameSegmentBytesMax + 1), 'a path segment is longer than 255 bytes'],
    ['é'.repeat(128), 'a path segment is longer than 255 bytes'],
    ['ab/'.repeat(342), 'it is longer than 1024 bytes'],
  ])('%j is none: %s', (name, problem) => {
    expect(nameProblem(name)).toBe(problem)
  })

  test('typed names are normalized', () => {
    expect(parseName('././cafe\u0301.txt')).toBe('café.txt')
  })

  test('a refused name is shown cut short, with the reason', () => {
    const refused = expect(() => parseName(`/${'x'.repeat(5_000)}`))
    refused.toThrow(AppError)
    refused.toThrow(/^'\/x{199}' cannot be used as a name: it is longer than 1024 bytes\.$/)
  })

  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('..', '.', '/', '\\', 'a', '\0', '~', 'C:'), { maxLength: 12 })
      .map((parts) => parts.join('')),
  )

  test('one that parses never leaves the folder that it is joined to', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const name = parsedOrUndefined(text)
        fc.pre(name !== undefined)
        const folder = join(sep, 'data', 'shared')
        const inside = relative(folder, join(folder, ...name.split('/')))
        expect(inside).toBe(name.split('/').join(sep))
      }),
    )
  })

  test('one that parses parses to itself', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const name = parsedOrUndefined(text)
        fc.pre(name !== undefined)
        expect(parseName(name)).toBe(name)
      }),
    )
  })
})

function parsedOrUndefined(text: string): string | undefined {
  try {
    return parseName(text)
  } catch (error) {
    if (error instanceof AppError && error.code === 'NAME_INVALID') return undefined
    throw error
  }
}

test.each([
  ['notes.txt', undefined],
  ['console/common.txt', undefined],
  ['a/CON.txt', "Windows cannot store 'CON.txt'"],
  ['lpt1', "Windows cannot store 'lpt1'"],
  ['a:b', "Windows cannot store 'a:b'"],
  ['dir /x', "Windows cannot store 'dir '"],
  ['end.', "Windows cannot store 'end.'"],
])('on Windows, the problem with %j is %j', (name, problem) => {
  expect(windowsNameProblem(name)).toBe(problem)
})

describe('peer ids', () => {
  test.each(['peer1', 'A', '0', 'my-laptop_2.local', 'p'.repeat(64)])('%j is one', (text) => {
    expect(parsePeerId(text)).toBe(text)
  })

  test.each([
    '',
    '.',
    '..',
    '-a',
    '_a',
    'a/b',
    'a b',
    'a\n',
    'é',
    'a.',
    'con',
    'NUL.x',
    'p'.repeat(65),
  ])('%j is none', (text) => {
    expect(isPeerId(text)).toBe(false)
    expect(() => parsePeerId(text)).toThrow('cannot be used as a peer id')
  })
})

test.each([
  ['a'.repeat(64), true],
  ['0123456789abcdef'.repeat(4), true],
  ['A'.repeat(64), false],
  ['a'.repeat(63), false],
  [`${'a'.repeat(64)}\n`, false],
  ['g'.repeat(64), false],
])('whether %j is a SHA-256: %s', (text, expected) => {
  expect(isSha256(text)).toBe(expected)
})
