import { expect, test } from 'vitest'
import { AlteredFiles } from './altered-files.ts'

test('an altered file is reported until it is written, deleted, or restored', () => {
  const files = new AlteredFiles()
  const altered = (from: string, to: string): unknown => ({
    code: 'ALTERED',
    details: { from, to },
  })
  expect(files.judge('a', 'x', 'x')).toBe(undefined)
  expect(files.judge('a', 'x', 'y')).toEqual(altered('x', 'y'))
  expect(files.judge('a', 'y', 'y')).toEqual(altered('x', 'y'))
  expect(files.judge('a', 'y', 'z')).toEqual(altered('x', 'z'))
  expect(files.judge('b', 'y', 'y')).toBe(undefined)
  expect(files.judge('a', 'z', 'x')).toBe(undefined)
  expect(files.judge('a', 'x', 'x')).toBe(undefined)
  files.judge('a', 'x', 'y')
  files.forget('a')
  expect(files.judge('a', 'y', 'y')).toBe(undefined)
})
