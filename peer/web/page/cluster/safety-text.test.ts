import { expect, test } from 'vitest'
import { type Safety, safetyText } from './safety-text.ts'

const none = { files: 0, bytes: 0, names: [] }
const safety = {
  peerId: 'peer1',
  held: { files: 5, bytes: 50 },
  alone: none,
  lacking: none,
} satisfies Safety

test('a peer whose files others have may be stopped', () => {
  expect(safetyText(safety)).toEqual({
    tone: 'ok',
    text: 'peer1 is safe to stop: other peers have all copies of its 5 files.',
  })
})

test('a peer without files may be stopped', () => {
  expect(safetyText({ ...safety, held: { files: 0, bytes: 0 } }).tone).toBe('ok')
})

test('a peer whose files would lack copies is not safe to stop', () => {
  const lacking = { files: 2, bytes: 20, names: ['a', 'b'] }
  expect(safetyText({ ...safety, lacking })).toMatchObject({ tone: 'warn' })
})

test('a peer with the last copies must not be stopped, and one of them is named', () => {
  const alone = { files: 1, bytes: 10, names: ['notes.txt'] }
  const { tone, text } = safetyText({ ...safety, alone, lacking: alone })
  expect(tone).toBe('bad')
  expect(text).toContain('1 file has no other live copy (10 B), such as notes.txt')
})
