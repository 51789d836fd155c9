import { expect, test } from 'vitest'
import { noteLines } from './peer-notes.ts'

const plain = (_: string, text: string): string => text

test('a flapping peer is explained with the time that is left', () => {
  const flapping = { breaks: 5, leftMs: 570_000 }
  expect(noteLines({ peerId: 'peer3', flapping }, plain)).toEqual([
    'Flapping:  peer3 came and went 5 times recently: it is given new copies when it has stayed for another 9 min 30 s',
  ])
  expect(noteLines({ peerId: 'peer3' }, plain)).toEqual([])
})
