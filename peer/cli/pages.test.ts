import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { FetchPage } from '../api/pages.ts'
import { firstRows } from './pages.ts'

const unreachable = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })

/** Pages of these rows; the one after the last fails. */
function pagesOf(...pages: string[][]): FetchPage<string> {
  return async ({ after = '0' }) => {
    const rows = pages[Number(after)]
    if (rows === undefined) throw unreachable
    return { rows, next: String(Number(after) + 1) }
  }
}

test('a failed page does not lose the rows before it', async () => {
  expect(await firstRows(pagesOf(['a', 'b'], ['c']), 10)).toEqual({
    rows: ['a', 'b', 'c'],
    isMore: false,
    failure: unreachable,
  })
})

test('a page that is not needed is not fetched', async () => {
  expect(await firstRows(pagesOf(['a', 'b', 'c']), 2)).toEqual({ rows: ['a', 'b'], isMore: true })
})

test('the failure of the first page is thrown', async () => {
  await expect(firstRows(pagesOf([]), 2)).rejects.toBe(unreachable)
})
