import { expect, test } from 'vitest'
import { noteLines } from './peer-notes.ts'

const plain = (_: string, text: string): string => text

test('each thing that sets a peer apart is a line', () => {
  const flapping = { breaks: 5, leftMs: 570_000 }
  const maintenance = { leftMs: 1_500_000 }
  expect(noteLines({ peerId: 'peer3', flapping, maintenance }, plain)).toEqual([
    'Away:      peer3 may be away for another 25 min 00 s; `maintenance peer3 --end` ends it',
    'Flapping:  peer3 disconnected 5 times recently: it receives new copies after staying for another 9 min 30 s',
  ])
  expect(noteLines({ peerId: 'peer3' }, plain)).toEqual([])
})

test('copies that are not proven are named, and what follows from it', () => {
  const lines = (copies: number, isDistrusted: boolean): string[] =>
    noteLines({ peerId: 'peer3', unproven: { copies, isDistrusted } }, plain)
  expect([...lines(1, false), ...lines(100, true)]).toEqual([
    'Unproven:  peer3 has not proven that it has 1 copy: not counted until it does',
    'Unproven:  peer3 has not proven that it has 100 copies: none of its copies counts, and it receives no new ones',
  ])
})

test('a drain shows its progress, and when the peer may be stopped', () => {
  const line = (progress: object | undefined): string[] => {
    const draining = { forMs: 1, ...(progress && { progress }) }
    return noteLines({ peerId: 'peer3', draining } as never, plain)
  }
  expect(line(undefined)).toEqual(['Draining:  peer3: counting its files'])
  const half = { files: 4, lackingFiles: 2, lackingBytes: 2_000_000, leftMs: 61_000 }
  expect(line(half)).toEqual([
    'Draining:  peer3: 2 of 4 files (2.00 MB) still lack copies on other live peers, about 1 min 01 s left',
  ])
  const unplaceable = { files: 2, name: 'a b', why: 'peer4 is not live' }
  expect(line({ files: 4, lackingFiles: 2, lackingBytes: 2_000_000, unplaceable })).toEqual([
    "Draining:  peer3: 2 of 4 files (2.00 MB) still lack copies on other live peers; no peer can take 2 of them now, such as 'a b': peer4 is not live",
  ])
  expect(line({ files: 4, lackingFiles: 0, lackingBytes: 0 })).toEqual([
    'Drained:   peer3: all of its files have their copies elsewhere, it is safe to stop it',
  ])
})
