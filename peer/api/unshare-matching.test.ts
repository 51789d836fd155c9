import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { unshareMatching } from './unshare-matching.ts'

const names = ['c', 'a', 'b', 'd']
const match = async ({ limit }: { limit: number }) => ({
  files: names.map((name) => ({ name })),
  next: `${limit}`,
})

test('a failure of one file does not stop the others', async () => {
  const asked: unknown[] = []
  const page = await unshareMatching(
    { pattern: '*', force: true },
    {
      match,
      unshare: async (file) => {
        const { name } = file
        asked.push(file)
        if (name > 'b') throw new AppError('NOT_SHARED', { name })
      },
    },
  )
  expect(page).toMatchObject({
    unshared: 2,
    failures: [
      { name: 'c', code: 'NOT_SHARED' },
      { name: 'd', code: 'NOT_SHARED' },
    ],
    next: `${limits.unsharedPerRequestMax}`,
  })
  expect(asked).toEqual(names.map((name) => ({ name, force: true })))
})

test('an unreachable index fails the page', async () => {
  const unshare = async (): Promise<void> => {
    throw new AppError('INDEX_UNREACHABLE', { address: 'a' })
  }
  await expect(unshareMatching({ pattern: '*' }, { match, unshare })).rejects.toMatchObject({
    code: 'INDEX_UNREACHABLE',
  })
})
