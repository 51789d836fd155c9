import { expect, test } from 'vitest'
import { isOnlyProgress, newsOfSelf } from './self-record.ts'

const told = {
  peerId: 'peer1',
  generation: 1,
  version: 4,
  host: 'host',
  port: 7_000,
  http: { port: 8_000 },
  epoch: '0123456789abcdef',
  lastSeq: 9,
  freeBytes: 10 ** 9,
}

test('a little more or less free space is no news', () => {
  const { generation, version, ...self } = told
  expect(newsOfSelf(told, { ...self, freeBytes: 10 ** 9 - 1_000 })).toBeUndefined()
  expect(newsOfSelf(told, { ...self, freeBytes: 10 ** 8 })).toMatchObject({
    generation,
    version: version + 1,
  })
  expect(newsOfSelf(told, { ...self, freeBytes: 10 ** 9 - 1_000, lastSeq: 10 })).toMatchObject({
    version: 5,
    freeBytes: 10 ** 9 - 1_000,
  })
  expect(newsOfSelf(told, { ...self, http: { port: 8_001 } })).toMatchObject({ version: 5 })
})

test('only the progress of a catalog is told later, when it is here', () => {
  expect(isOnlyProgress(told, { ...told, version: 5, lastSeq: 10 })).toBe(true)
  expect(isOnlyProgress(told, { ...told, version: 5 })).toBe(false)
  expect(isOnlyProgress(told, { ...told, version: 5, lastSeq: 10, port: 7_001 })).toBe(false)
})
