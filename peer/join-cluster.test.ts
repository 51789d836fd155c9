import pino from 'pino'
import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { tellBlamed } from './join-cluster.ts'

test('wrong bytes that the index cannot be told of are no program error', async () => {
  const lines: string[] = []
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const finder = {
    accuse: () => Promise.reject(new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })),
  }
  const accusation = { peerId: 'peer2', sha256: 'ab'.repeat(32) }
  await tellBlamed(accusation, { finder, log }, new AbortController().signal)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('"level":30')
  expect(lines[0]).toContain('"peerId":"peer2"')
})
