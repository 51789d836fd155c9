import { expect, test } from 'vitest'
import { FolderSync } from './folder-sync.ts'

/** A disk on which a test ends each fsync itself. */
function aDisk(): { sync: FolderSync; begun: string[]; end: () => void; fail: () => void } {
  const begun: string[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const sync = new FolderSync((folder) => {
    begun.push(folder)
    const end = Promise.withResolvers<void>()
    ends.push(end)
    return end.promise
  })
  return {
    sync,
    begun,
    end: () => ends.shift()?.resolve(),
    fail: () => ends.shift()?.reject(new Error('the disk is gone')),
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('callers that arrive during an fsync share the next one', async () => {
  const { sync, begun, end } = aDisk()
  const first = sync.sync('a')
  await turn()
  const others = Promise.all([sync.sync('a'), sync.sync('a'), sync.sync('a')])
  await turn()
  expect(begun).toEqual(['a'])
  end()
  await first
  await turn()
  expect(begun).toEqual(['a', 'a'])
  end()
  await others
  expect(begun).toHaveLength(2)
})

test('folders do not wait for each other', async () => {
  const { sync, begun } = aDisk()
  const both = [sync.sync('a'), sync.sync('b')]
  await turn()
  expect(begun).toEqual(['a', 'b'])
  expect(both).toHaveLength(2)
})

test('a failure is reported to those that shared the fsync, and the next call retries', async () => {
  const { sync, end, fail } = aDisk()
  const failed = expect(sync.sync('a')).rejects.toThrow('the disk is gone')
  await turn()
  const next = sync.sync('a')
  fail()
  await failed
  await turn()
  end()
  await expect(next).resolves.toBeUndefined()
})
