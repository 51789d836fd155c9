import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { Programs } from './programs.ts'

const sha256 = 'a'.repeat(64)
const program = { peerId: 'p1', url: 'http://127.0.0.1:9000', answers: false }
const files = ['a.txt', 'b.txt'].map((name) => ({ name, sha256, size: 1 }))

function withProgram(): { programs: Programs; clock: FakeClock } {
  const clock = new FakeClock()
  const programs = new Programs({ clock })
  programs.join(program)
  return { programs, clock }
}

const failing = (code: string): unknown => expect.objectContaining({ code })

test('files that programs tell are found by name, content and pattern', () => {
  const { programs } = withProgram()
  programs.heard('p1', { files: files.slice(0, 1), isFirst: true })
  programs.heard('p1', { files: files.slice(1) })
  const named = (what: object): string[] =>
    programs.matching(what).flatMap((found) => found.files.map(({ name }) => name))
  expect(named({ name: 'a.txt' })).toEqual(['a.txt'])
  expect(named({ sha256 })).toEqual(['a.txt', 'b.txt'])
  expect(named({ pattern: '*.txt' })).toEqual(['a.txt', 'b.txt'])
  expect(named({ name: 'a.txt', sha256: 'b'.repeat(64) })).toEqual([])
  programs.heard('p1', { files: files.slice(1), isFirst: true })
  expect(named({ pattern: '**' })).toEqual(['b.txt'])
})

test('a program that is silent for a minute has left', async () => {
  const { programs, clock } = withProgram()
  await clock.advance(59_000)
  programs.heard('p1', { files })
  await clock.advance(59_000)
  expect([programs.count, programs.withUrl(program.url).peerId]).toEqual([1, 'p1'])
  await clock.advance(1_000)
  expect(programs.count).toBe(0)
  expect(programs.matching({ sha256 })).toEqual([])
  expect(() => programs.heard('p1')).toThrow(failing('PROGRAM_UNKNOWN'))
  expect(() => programs.get('p1')).toThrow(failing('PROGRAM_UNKNOWN'))
  expect(() => programs.withUrl(program.url)).toThrow(failing('PROGRAM_UNKNOWN'))
})

test('joining again keeps the files; a program that was restarted has none; another host is refused', () => {
  const { programs } = withProgram()
  programs.heard('p1', { files })
  programs.join({ ...program, answers: true })
  expect(programs.matching({ sha256 })).toHaveLength(1)
  expect(programs.answering).toMatchObject([{ peerId: 'p1' }])
  programs.join({ ...program, url: 'http://127.0.0.1:9001' })
  expect(programs.matching({ sha256 })).toEqual([])
  const other = { ...program, url: 'http://192.0.2.9:9000' }
  expect(() => programs.join(other)).toThrow(failing('PROGRAM_ID_TAKEN'))
})

test('programs and their files are bounded', () => {
  const { programs } = withProgram()
  for (let i = 2; i <= 64; i++) programs.join({ ...program, peerId: `p${i}` })
  expect(() => programs.join({ ...program, peerId: 'p65' })).toThrow(failing('PROGRAMS_FULL'))
  const many = Array.from({ length: 1_001 }, (_, i) => ({ name: `f${i}`, sha256, size: 1 }))
  expect(() => programs.heard('p1', { files: many })).toThrow(failing('PROGRAM_FILES_FULL'))
  expect(programs.matching({ sha256 })[0]?.files).toHaveLength(32)
})

test('patterns are compared with so many names per second, and names and contents are always found', async () => {
  const { programs, clock } = withProgram()
  const many = Array.from({ length: 1_000 }, (_, number) => `folder/${number}.bin`)
  programs.heard('p1', { files: many.map((name) => ({ name, sha256, size: 1 })) })
  const found = (what: object): number =>
    programs.matching(what).reduce((sum, { files: some }) => sum + some.length, 0)
  let answered = 0
  for (let asked = 0; asked < 2_000; asked += 1) answered += found({ pattern: 'folder/7.*' })
  expect(answered).toBeGreaterThan(100)
  expect(answered).toBeLessThan(1_000)
  expect(found({ search: '7.bin' })).toBe(0)
  expect(found({ name: 'folder/7.bin' })).toBe(1)
  expect(found({ name: 'folder/7.bin', sha256: 'b'.repeat(64) })).toBe(0)
  expect(found({ sha256 })).toBeGreaterThan(1)
  await clock.advance(10_000)
  expect(found({ pattern: 'folder/7.*' })).toBe(1)
  // Files that a program no longer tells are not found.
  programs.heard('p1', { files: files.slice(0, 1), isFirst: true })
  expect([found({ name: 'folder/7.bin' }), found({ name: 'a.txt' }), found({ sha256 })]).toEqual([
    0, 1, 1,
  ])
})
