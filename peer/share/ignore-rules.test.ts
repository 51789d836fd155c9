import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { IgnoreRules } from './ignore-rules.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const names = (rules: IgnoreRules, list: readonly string[]): string[] =>
  list.filter((name) => rules.isIgnored(name))

test('well-known temporary names are ignored, in every folder, and similar ones are not', () => {
  const rules = new IgnoreRules('')
  const temporary = [
    'a/.notes.txt.swp',
    '.x.swo',
    'notes.txt~',
    '#draft.tex#',
    '.#draft.tex',
    'a/.goutputstream-AB12CD',
    '~$report.docx',
    '.~lock.report.odt#',
    '~WRL0001.tmp',
    'film.mkv.crdownload',
    'film.mkv.part',
    'b/.DS_Store',
    '._photo.jpg',
    'Thumbs.db',
    'x.download/data',
    '.tandemignore',
  ]
  expect(names(rules, temporary)).toEqual(temporary)
  const shared = ['notes.swp', 'a~b', '#1.txt', 'lock.odt', 'data.tmp', 'part', 'x/.tandemignore']
  expect(names(rules, shared)).toEqual([])
})

test('the user adds patterns of gitignore, and takes others back', () => {
  const rules = new IgnoreRules('# built\nnode_modules/\n/build\n*.o\n!keep.o\n!*.part\n')
  expect(
    names(rules, ['a/node_modules/x/y.js', 'build/x', 'a/build/x', 'b.o', 'keep.o', 'film.part']),
  ).toEqual(['a/node_modules/x/y.js', 'build/x', 'b.o'])
  expect(rules.isIgnored('a/node_modules', true)).toBe(true)
  expect(rules.isIgnored('a/node_modules')).toBe(false)
  expect(rules.patternFor('x/b.o')).toBe('*.o')
  expect(rules.patternFor('x/b.c')).toBeUndefined()
})

test.each(['../x', '/x', './x', ''])('%s is no name of a file in the folder', (name) => {
  expect(new IgnoreRules('*').isIgnored(name)).toBe(false)
})

test('memory does not grow with the number of names, and the rules stay the same', () => {
  const rules = new IgnoreRules('*.log\n')
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let number = 0; number < 150_000; number += 1) rules.isIgnored(`folder/name of ${number}`)
  collectGarbage()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
  expect(names(rules, ['a.log', 'a~', 'a.txt'])).toEqual(['a.log', 'a~'])
})
