import { expect, test } from 'vitest'
import { decide } from './place-plan.ts'

test.each([
  ['shared', 'nothing', false, 'move'],
  ['shared', 'same-content', false, 'stay'],
  ['shared', 'other-content', false, 'NAME_EXISTS'],
  ['shared', 'other-content', true, 'replace'],
  ['shared', 'folder', true, 'NAME_BLOCKED'],
  ['shared', 'twin', true, 'NAME_BLOCKED'],
  ['downloaded', 'other-content', false, 'next'],
  ['downloaded', 'twin', false, 'next'],
  ['downloaded', 'folder', false, 'next'],
  ['replicated', 'other-content', false, 'replace'],
  ['replicated', 'other-name', false, 'next'],
  ['replicated', 'twin', false, 'next'],
  ['replicated', 'folder', false, 'next'],
] as const)('%s: %s, may replace %s: %s', (kind, held, mayReplace, decision) => {
  expect(decide(kind, held, mayReplace)).toBe(decision)
})
