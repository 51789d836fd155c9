import { expect, test } from 'vitest'
import { shownText } from './shown-text.ts'

test.each([
  ['photos/IMG 1.jpg', 'photos/IMG 1.jpg'],
  ['report\u202efdp.exe', String.raw`report\u{202e}fdp.exe`],
  ['a\u0085b\u{200b}c', String.raw`a\u{85}b\u{200b}c`],
  ['שלום.txt', 'שלום.txt'],
  ['👩‍🚀.png', '👩‍🚀.png'],
])('%s is shown as %s', (name, shown) => {
  expect(shownText(name)).toBe(shown)
})
