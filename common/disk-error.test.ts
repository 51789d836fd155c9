import { expect, test } from 'vitest'
import { diskError } from './disk-error.ts'
import { AppError } from './errors.ts'

const action = { action: 'write to', path: '/data/x', neededBytes: 5 }

test.each(['ENOSPC', 'EDQUOT'])('%s means that the disk is full', (code) => {
  const error = diskError(action, Object.assign(new Error(code), { code }))
  expect(error).toMatchObject({ code: 'DISK_FULL', details: { path: '/data/x', neededBytes: 5 } })
})

test('any other error names the failed action, and an operational error is unchanged', () => {
  const cause = Object.assign(new Error('input/output error'), { code: 'EIO' })
  expect(diskError(action, cause).message).toBe("Cannot write to '/data/x': input/output error.")
  const known = new AppError('NAME_EXISTS', { name: 'a' })
  expect(diskError(action, known)).toBe(known)
})
