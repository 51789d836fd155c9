import { describe, expect, test } from 'vitest'
import { fileErrors } from './error-rows/file-errors.ts'
import { identityErrors } from './error-rows/identity-errors.ts'
import { indexErrors } from './error-rows/index-errors.ts'
import { meshErrors } from './error-rows/mesh-errors.ts'
import { processErrors } from './error-rows/process-errors.ts'
import { protocolErrors } from './error-rows/protocol-errors.ts'
import { type ErrorCode, errorTable } from './error-table.ts'
import {
  AppError,
  errorFromWire,
  errorToWire,
  hasCode,
  reasonOf,
  sentenceFor,
  systemErrorCode,
  toAppError,
} from './errors.ts'
import { problemMembers } from './http-problem.ts'
import { limits } from './limits.ts'

const codes = Object.keys(errorTable) as ErrorCode[]

test('no code has two rows', () => {
  const parts = [protocolErrors, indexErrors, identityErrors, fileErrors, meshErrors, processErrors]
  expect(codes).toEqual(parts.flatMap((part) => Object.keys(part)))
})

describe.each(codes)('%s', (code) => {
  const row = errorTable[code]

  test('says when it occurs and what to tell the user, in sentences', () => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
    for (const sentence of [row.when, row.sentence]) expect(sentence).toMatch(/^\S.*\.$/s)
  })

  test('has details whose names are no members of a problem', () => {
    const names = [...row.sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(names.filter((name) => name !== undefined && problemMembers.has(name))).toEqual([])
  })

  test('has an HTTP status of an error', () => {
    expect(row.status).toBeGreaterThanOrEqual(400)
    expect(row.status).toBeLessThan(600)
  })

  test('is the same error on the other side of the wire', () => {
    const details = { name: 'a.txt', count: 3, known: true }
    const error = new AppError(code, details, { cause: new Error('stays here') })
    const crossed: unknown = JSON.parse(JSON.stringify(errorToWire(error)))
    expect(crossed).toEqual({ code, retryable: row.retryable, details })
    expect(errorFromWire(crossed as ReturnType<typeof errorToWire>)).toEqual(
      new AppError(code, details),
    )
  })
})

test('a sentence shows its details, and ? for one that is missing', () => {
  expect(
    sentenceFor('NAME_INVALID', { name: 'a//b', reason: 'it has an empty path segment' }),
  ).toBe("'a//b' cannot be used as a name: it has an empty path segment.")
  expect(sentenceFor('DOWNLOAD_NOT_FOUND', {})).toBe(
    'There is no download ?. `tandem downloads` lists them.',
  )
})

test('a detail is shown as it is, also when it looks like a pattern', () => {
  expect(sentenceFor('DOWNLOAD_NOT_FOUND', { id: '$& {id}' })).toBe(
    'There is no download $& {id}. `tandem downloads` lists them.',
  )
})

test.each(['NOT_YET_INVENTED', 'toString', '__proto__', ''])(
  'the unknown code %j becomes INTERNAL and keeps its name',
  (code) => {
    const error = errorFromWire({ code, retryable: true, details: { name: 'a' } })
    expect(error).toMatchObject({ code: 'INTERNAL', details: { name: 'a', unknownCode: code } })
  },
)

test('of an error from outside only so much is kept', () => {
  const text = 'x'.repeat(2 * limits.errorDetailCharactersMax)
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`detail${i}`, text]))
  const { details, message } = errorFromWire({
    code: 'DOWNLOAD_NOT_FOUND',
    retryable: false,
    details: { id: text, ...many },
  })
  expect(Object.keys(details).length).toBe(limits.errorDetailsMax)
  expect(details['id']).toBe(text.slice(0, limits.errorDetailCharactersMax))
  expect(message.length).toBeLessThan(limits.errorDetailCharactersMax + 100)
})

test('an unexpected error crosses the wire without its text', () => {
  const wire = errorToWire(new TypeError('secret path /home/me'))
  expect(wire).toEqual({ code: 'INTERNAL', retryable: expect.any(Boolean) as boolean, details: {} })
})

test('any thrown thing becomes an AppError, one that is stays itself', () => {
  const error = new AppError('CANCELLED', { what: 'It' })
  expect(toAppError(error)).toBe(error)
  expect(toAppError('text')).toMatchObject({ code: 'INTERNAL', cause: 'text' })
})

test('codes are distinguished without texts', () => {
  expect(hasCode(new AppError('CANCELLED'), 'CANCELLED')).toBe(true)
  expect(hasCode(new AppError('CANCELLED'), 'DISK_FULL')).toBe(false)
  expect(hasCode(new Error('CANCELLED'), 'CANCELLED')).toBe(false)
})

test('the code of a system error is found, other things have none', () => {
  expect(systemErrorCode(Object.assign(new Error('no'), { code: 'ENOENT' }))).toBe('ENOENT')
  expect(systemErrorCode(Object.assign(new Error('no'), { code: 7 }))).toBeUndefined()
  expect(systemErrorCode(new Error('no'))).toBeUndefined()
  expect(systemErrorCode({ code: 'ENOENT' })).toBeUndefined()
})

test.each([
  [
    new AppError('DOWNLOAD_NOT_FOUND', { id: 'x' }),
    'There is no download x. `tandem downloads` lists them',
  ],
  [new AggregateError([new Error('first'), new Error('second')]), 'first'],
  [new AggregateError([], 'none worked'), 'none worked'],
  [new Error('plain'), 'plain'],
  ['text', 'text'],
  [undefined, 'undefined'],
])('the reason of %s is %j', (error, reason) => {
  expect(reasonOf(error)).toBe(reason)
})
