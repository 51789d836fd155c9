import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { faultReason, problemCodes, problemTable } from '../problem-table.ts'
import { faultOf, textOfName } from './faults.ts'

test.each(problemCodes)('%s has a remedy, in one line', (code) => {
  const { remedy } = problemTable[code]
  expect(remedy).toMatch(/^[A-Z].*\.$/)
  expect(faultReason({ code })).toMatch(/[^.]$/)
})

test('a UTF-8 name is unchanged, any other shows its bytes', () => {
  expect(textOfName(Buffer.from('caf\xe9 \x80\xc3', 'latin1'))).toBe('caf\\xe9 \\x80\\xc3')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      expect(textOfName(Buffer.from(name))).toBe(name)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      expect(textOfName(Buffer.from(bytes))).not.toContain('\u{fffd}'.repeat(2))
    }),
  )
})

test('an error of the system keeps its code', () => {
  const refused = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  const details = { action: 'read', path: '/a', reason: refused.message }
  const wrapped = new AppError('DISK_FAILED', details, { cause: refused })
  for (const error of [refused, wrapped])
    expect(faultOf(error)).toEqual({ code: 'FILE_NOT_READABLE', details: { reason: 'EACCES' } })
  expect(faultOf(refused, 'folder').code).toBe('FOLDER_NOT_READABLE')
  const broken = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  expect(faultOf(broken)).toEqual({ code: 'READ_FAILED', details: { reason: 'EIO' } })
})
