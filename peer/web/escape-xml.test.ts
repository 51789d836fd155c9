import { expect, test } from 'vitest'
import { parseXml, textIn } from './dav/dav-xml.ts'
import { escapeXml } from './escape-xml.ts'
import { metalinkOf } from './files/metalink.ts'

function read(text: string): { inner: string; value: string | undefined } {
  const root = parseXml(Buffer.from(`<a b="${escapeXml(text)}">|${escapeXml(text)}|</a>`))
  return { inner: textIn(root).slice(1, -1), value: root.attributes[0]?.value }
}

test.each(['\uFFFE', '\uFFFF', '\uD800', '\u0000', '\u001B'])(
  'a character that XML cannot express is replaced: %j',
  (character) => {
    const expected = 'a\uFFFDb'
    expect(read(`a${character}b`)).toEqual({ inner: expected, value: expected })
  },
)

test('every other text is read as it was', () => {
  const points = Array.from({ length: 0xfffe - 0xa0 }, (_, index) => 0xa0 + index)
  const text = points
    .filter((point) => point < 0xd800 || point > 0xdfff)
    .map((point) => String.fromCodePoint(point))
  for (const one of ['\t\r\n<&>"\' ~', text.join(''), '😀\u{10FFFF}'])
    expect(read(one)).toEqual({ inner: one, value: one })
})

test('a Metalink document of such a name is well-formed', () => {
  const file = { name: 'a\uFFFF', size: 0, chunkList: new Uint8Array(32), urls: ['http://h/a'] }
  expect(() => parseXml(Buffer.from(metalinkOf(file)))).not.toThrow()
})
