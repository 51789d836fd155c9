import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limitKeys, limitTable } from './limit-table.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

test.each(limitKeys)('README describes the limit %s', (key) => {
  const rows = readme.split('\n').filter((line) => line.includes(`\`limits.${key}\``))
  const { word, default: value } = limitTable[key]
  expect(rows).toEqual([expect.stringContaining(`\`${word}\``)])
  expect(rows[0]).toContain(` ${value} `)
})
