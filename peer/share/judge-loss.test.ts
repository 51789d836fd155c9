import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type FolderLook,
  judgeFolder,
  judgeLoss,
  judgeReads,
  mayBeUnreadable,
} from './judge-loss.ts'

const here = { device: '1', inode: '2' }
const known = { sampled: 10, found: 0 }

test.each<[string, Parameters<typeof judgeFolder>, unknown]>([
  ['the same folder, whatever is in it', [here, { identity: here }, known], 'same'],
  ['a new one', [undefined, { identity: here }, { sampled: 0, found: 0 }], 'accept'],
  ['one not recorded yet', [undefined, { identity: here }, { sampled: 4, found: 2 }], 'accept'],
  [
    'a disk with another number',
    [here, { identity: { device: '9', inode: '2' } }, { sampled: 4, found: 3 }],
    'accept',
  ],
  [
    'another disk',
    [here, { identity: { device: '9', inode: '2' } }, { sampled: 4, found: 1 }],
    { reason: expect.stringContaining('another folder than before') as string },
  ],
  [
    'another folder of the disk',
    [here, { identity: { device: '1', inode: '3' } }, known],
    { reason: expect.any(String) as string },
  ],
  ['missing', [here, { isMissing: true, reason: 'is missing' }, known], { reason: 'is missing' }],
  [
    'missing, and held nothing',
    [here, { isMissing: true, reason: 'is missing' }, { sampled: 0, found: 0 }],
    'accept',
  ],
  [
    'unreadable, and held nothing',
    [here, { isMissing: false, reason: 'EIO' }, { sampled: 0, found: 0 }],
    { reason: 'EIO' },
  ],
])('%s', (_, given, verdict) => {
  expect(judgeFolder(...given)).toEqual(verdict)
})

test('a folder is never accepted when most of its files are missing', () => {
  const text = fc.constantFrom('1', '2')
  const identity = fc.record({ device: text, inode: text })
  const look: fc.Arbitrary<FolderLook> = fc.oneof(
    identity.map((found) => ({ identity: found })),
    fc.boolean().map((isMissing) => ({ isMissing, reason: 'why' })),
  )
  const counts = fc
    .nat(64)
    .chain((sampled) => fc.record({ sampled: fc.constant(sampled), found: fc.nat(sampled) }))
  fc.assert(
    fc.property(fc.option(identity, { nil: undefined }), look, counts, (recorded, now, files) => {
      if (judgeFolder(recorded, now, files) !== 'accept') return
      expect(2 * files.found).toBeGreaterThanOrEqual(files.sampled)
    }),
  )
})

test('losing all files, or most of many, is a loss until everything is back', () => {
  const lossOf = (total: number, lost: number, wasKept = false): boolean =>
    judgeLoss({ total, lost, wasKept }) !== undefined
  expect(lossOf(1, 1)).toBe(false)
  expect(lossOf(2, 2)).toBe(true)
  expect(lossOf(150, 100)).toBe(false)
  expect(lossOf(150, 101)).toBe(true)
  expect(lossOf(1_000, 500)).toBe(false)
  expect(lossOf(1_000, 501)).toBe(true)
  expect(lossOf(1_000, 1, true)).toBe(true)
  expect(lossOf(1_000, 0, true)).toBe(false)
})

test('files in a row that cannot be read are a fault of their folder if no other file can be', () => {
  expect([1, 3, 4].map(mayBeUnreadable)).toEqual([false, false, true])
  expect(judgeReads({ sampled: 8, readable: 0 })).toBe('cannot be read: its disk fails')
  expect(judgeReads({ sampled: 8, readable: 1 })).toBe(undefined)
  expect(judgeReads({ sampled: 0, readable: 0 })).toBe(undefined)
})
