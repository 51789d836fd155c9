import { expect, test } from 'vitest'
import type { Source } from '../common/protocol/messages.ts'
import { ProgramFiles } from './fetch/program/program-files.ts'
import type { Member } from './mesh/member.ts'
import type { QueryHit } from './mesh/query/open-query.ts'
import { programContents } from './program-sources.ts'

const sha256 = 'a'.repeat(64)

function memberAt(host: string, more: Partial<Member> = {}): Member {
  const versions = { generation: 1, version: 1, epoch: '0'.repeat(16), lastSeq: 0, freeBytes: 0 }
  const record = { peerId: host, host, port: 7_100, ...versions }
  const times = { heardMs: 0, sinceMs: 0 }
  return { record, state: 'live', isMet: true, isKnown: true, forGood: false, ...times, ...more }
}

function hitAt(host: string, peerId = 'p', more: Partial<QueryHit> = {}): QueryHit {
  const url = `http://${host}:9000`
  return { name: 'a.bin', sha256, size: 5, peerId, host, port: 9_000, url, ...more }
}

function aWorld(members: Member[], own: string[] = []) {
  const lied: unknown[] = []
  const files = new ProgramFiles({ onLied: (source, why) => lied.push([source.peerId, why]) })
  const programs = { has: (peerId: string) => own.includes(peerId) }
  return { files, lied, parts: { mesh: { members: () => members }, programs, files } }
}

test('a program at the address of a member is a source, of an unlisted content', () => {
  const { parts, files } = aWorld([memberAt('10.0.0.1')])
  const hit = hitAt('10.0.0.1', 'p', { modifiedMs: 7, size: 3_000_000 })
  const program: Source = { peerId: 'p', host: '10.0.0.1', port: 9_000, kind: 'program' }
  const content = { name: 'a.bin', sha256, size: 3_000_000, chunkRoot: sha256, modifiedMs: 7 }
  expect(programContents([hit], parts)).toEqual([{ ...content, sources: [program] }])
  const file = { url: 'http://10.0.0.1:9000', name: 'a.bin', sha256, size: 3_000_000 }
  expect(files.get(program, sha256)).toEqual(file)
  expect(files.get({ ...program, port: 9_001 }, sha256)).toBe(undefined)
  const isRead = files.get(program, sha256)
  programContents([hit], parts)
  expect(files.get(program, sha256)).toBe(isRead)
})

test.each([
  ['a peer', { ...hitAt('10.0.0.1') }, undefined],
  ['at an address of no member', hitAt('10.0.0.2'), 'http://10.0.0.2:9000'],
  ['on this machine, said by another one', hitAt('127.0.0.1'), 'http://127.0.0.1:9000'],
  ['of a member that is gone', hitAt('10.0.0.3'), 'http://10.0.0.3:9000'],
  ['of one that never answered', hitAt('10.0.0.4'), 'http://10.0.0.4:9000'],
  [
    'with more bytes than there can be',
    hitAt('10.0.0.1', 'p', { size: 2 ** 52 }),
    'http://10.0.0.1',
  ],
])('a hit %s is no source', (_, { url: __, ...hit }, url) => {
  const gone = memberAt('10.0.0.3', { state: 'dead' })
  const unmet = memberAt('10.0.0.4', { isMet: false })
  const { parts } = aWorld([memberAt('10.0.0.1'), gone, unmet])
  expect(programContents([{ ...hit, ...(url !== undefined && { url }) }], parts)).toEqual([])
})

test('a program that joined here is a source wherever it is; and so are those on one machine', () => {
  const { parts } = aWorld([memberAt('127.0.0.1')], ['own'])
  const found = programContents([hitAt('192.0.2.9', 'own'), hitAt('localhost')], parts)
  expect(found.map(({ sources: [source] }) => source?.peerId)).toEqual(['own', 'p'])
})

test('who sent something false comes last, and only without others that have the same', () => {
  const { parts, files, lied } = aWorld([memberAt('10.0.0.1')])
  const hits = ['liar', 'honest'].map((peerId) => hitAt('10.0.0.1', peerId))
  const other = hitAt('10.0.0.1', 'liar', { sha256: 'b'.repeat(64) })
  const idsOf = (): unknown[] =>
    programContents([...hits, other], parts).map(({ sources: [one] }) => one?.peerId)
  expect(idsOf()).toEqual(['liar', 'honest', 'liar'])
  files.lied({ peerId: 'liar', host: '10.0.0.1', port: 9_000, kind: 'program' }, 'wrong bytes')
  expect(lied).toEqual([['liar', 'wrong bytes']])
  expect(idsOf()).toEqual(['honest', 'liar'])
})
