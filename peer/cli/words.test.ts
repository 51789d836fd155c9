import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { needsQuotes, quoteWord, splitWords } from './words.ts'

const textsOf = (line: string): string[] => splitWords(line).map(({ text }) => text)

describe('a line as words', () => {
  test.each([
    ['', []],
    ['  lookup   a.txt ', ['lookup', 'a.txt']],
    ["lookup 'my file.txt'", ['lookup', 'my file.txt']],
    ['lookup "my file.txt"', ['lookup', 'my file.txt']],
    ["lookup it's.txt", ['lookup', "it's.txt"]],
    ['push C:\\files\\a.txt', ['push', 'C:\\files\\a.txt']],
    [`lookup 'it'"'"'s mine'`, ['lookup', "it's mine"]],
    ["push 'my folder'/a.txt", ['push', 'my folder/a.txt']],
    ["lookup ''", ['lookup', '']],
    ["lookup 'open", ['lookup', 'open']],
    ['push a --name="my file" --wait', ['push', 'a', '--name=my file', '--wait']],
    ["push a --name='my file'.txt", ['push', 'a', '--name=my file.txt']],
    ['lookup my" "file.txt', ['lookup', 'my file.txt']],
    ["lookup it's.txt bob's.txt", ['lookup', "it's.txt", "bob's.txt"]],
  ])('%j', (line, expected) => {
    expect(textsOf(line)).toEqual(expected)
  })

  test('says which quote is open and where the word began', () => {
    expect(splitWords("lookup 'my fi")).toEqual([
      { text: 'lookup', start: 0 },
      { text: 'my fi', start: 7, openQuote: "'" },
    ])
  })

  test('reads every quoted text back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("'", '"', ' ', 'a', '/', '\\', 'ż') })),
        fc.constantFrom("'" as const, '"' as const),
        (texts, quote) => {
          expect(textsOf(texts.map((text) => quoteWord(text, quote)).join(' '))).toEqual(texts)
        },
      ),
    )
  })

  test('reads every text that needs no quotes as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!needsQuotes(text))
        expect(textsOf(text)).toEqual([text])
      }),
    )
  })
})
