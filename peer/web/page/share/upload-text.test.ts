import { expect, test } from 'vitest'
import type { Upload } from './upload-queue.ts'
import { sumOf, uploadText } from './upload-text.ts'

const sending: Upload = {
  id: 1,
  name: 'a',
  file: new Blob(['x'.repeat(2_000)]),
  state: 'sending',
  sentBytes: 500,
  replace: false,
}

test.each<[Partial<Upload>, string]>([
  [{}, '500 B of 2.00 KB'],
  [{ state: 'queued' }, 'Waiting in the queue · 2.00 KB'],
  [{ state: 'copying' }, 'On this peer; its copies are being made'],
  [
    { state: 'copying', peers: ['peer1'], factor: 2 },
    '1 of 2 copies: peer1; the others are being made',
  ],
  [{ state: 'done', peers: ['peer1', 'peer3'], factor: 2 }, '2 of 2 copies: peer1, peer3'],
  [{ state: 'failed', failure: 'The disk is full.' }, 'The disk is full.'],
  [{ state: 'cancelled' }, 'Not shared'],
])('%j: %s', (changes, text) => {
  expect(uploadText({ ...sending, ...changes })).toBe(text)
})

test('uploads are counted by what is left to do', () => {
  const states: Upload['state'][] = ['queued', 'sending', 'exists', 'copying', 'done', 'failed']
  expect(sumOf(states.map((state) => ({ ...sending, state })))).toEqual({
    unfinished: 3,
    copying: 1,
    done: 1,
  })
})
