import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import { labelOf } from '../source/peer-source.ts'
import { type SmallContent, smallReads } from './small-reads.ts'

const peers: readonly Source[] = ['p1', 'p2', 'p3'].map((peerId, index) => ({
  peerId,
  host: 'h',
  port: 7100 + index,
  kind: 'shared',
}))

const file: fc.Arbitrary<SmallContent> = fc.record({
  content: fc
    .integer({ min: 0, max: limits.chunkBytesMin })
    .map((size) => ({ sha256: '', size, chunkRoot: '' })),
  sources: fc.subarray([...peers]),
})

test('every file is requested from one of its sources, in reads that are allowed, or from none', () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 600 }), fc.constantFrom(...peers), (files, barred) => {
      const mayAsk = (_: SmallContent, label: string): boolean => label !== labelOf(barred)
      const { reads, unasked } = smallReads(files, mayAsk, () => 0)
      for (const { source, files: asked } of reads) {
        expect(asked.every(({ sources }) => sources.includes(source))).toBe(true)
        expect(source).not.toBe(barred)
        expect(asked.length).toBeLessThanOrEqual(limits.contentsPerReadMax)
        const bytes = asked.reduce((sum, { content }) => sum + content.size, 0)
        expect(bytes).toBeLessThanOrEqual(limits.contentsReadBytesMax)
      }
      const planned = [...reads.flatMap((read) => read.files), ...unasked]
      expect(new Set(planned)).toEqual(new Set(files))
      expect(planned).toHaveLength(files.length)
      for (const { sources } of unasked) expect(sources.every((one) => one === barred)).toBe(true)
    }),
  )
})

test('sources that have the same files share them by what they do already', () => {
  const content = { sha256: '', size: 1, chunkRoot: '' }
  const files = Array.from({ length: 4 * limits.contentsPerReadMax }, () => ({
    content,
    sources: peers,
  }))
  const busy = (label: string): number => (label.startsWith('p1') ? 2 : 0)
  const { reads } = smallReads(files, () => true, busy)
  expect(reads.map(({ source }) => source.peerId)).toEqual(['p2', 'p3', 'p2', 'p3'])
})
