import { expect, test } from 'vitest'
import { parseXml } from './dav-xml.ts'
import { inPieces, type PropertyQuery, propertiesOf, queryOf } from './multistatus.ts'

function queryFor(names: readonly string[], kind = 'prop'): PropertyQuery | undefined {
  const named = names.map((name) => `<${name} xmlns="urn:x"/>`).join('')
  const before = kind === 'include' ? '<D:allprop/>' : ''
  const text = `<D:propfind xmlns:D="DAV:">${before}<D:${kind}>${named}</D:${kind}></D:propfind>`
  return queryOf(parseXml(Buffer.from(text)))
}

test('a property that is named twice is returned once', () => {
  const names = [
    { namespace: 'urn:x', name: 'a' },
    { namespace: 'urn:x', name: 'b' },
  ]
  expect(queryFor(['a', 'b', 'a'])).toEqual({ kind: 'some', names })
  expect(queryFor(['a', 'b', 'a'], 'include')).toEqual({ kind: 'all', also: names })
})

test.each(['prop', 'include'])('a query of very many properties is refused: %s', (kind) => {
  const names = Array.from({ length: 101 }, (_, index) => `p${index}`)
  expect(() => queryFor(names, kind)).toThrow('names more than 100 properties')
  expect(() => queryFor(names.slice(1), kind)).not.toThrow()
})

test.each(['\uFFFE', '\uFFFF'])(
  'a name that XML cannot express is well-formed: %j',
  (character) => {
    const resource = { name: `a${character}`, kind: 'file', size: 0, isOwn: true } as const
    const facts = { resource, locks: [], nowMs: 0, room: undefined }
    const text = propertiesOf({ kind: 'all', also: [] }, facts, [])
    expect(() => parseXml(Buffer.from(`<a xmlns:D="DAV:">${text}</a>`))).not.toThrow()
    // The address is exact.
    expect(text).toContain(`/dav/${encodeURIComponent(`a${character}`)}<`)
  },
)

test('a long body is sent in pieces', async () => {
  const texts = Array.from({ length: 100 }, (_, index) => String(index % 10).repeat(10_000))
  let asked = 0
  const source = async function* (): AsyncGenerator<string> {
    for (const text of texts) {
      asked += 1
      yield text
    }
  }
  const pieces: string[] = []
  const askedBefore: number[] = []
  for await (const piece of inPieces(source())) {
    askedBefore.push(asked)
    pieces.push(piece)
  }
  // Nothing is made before it is asked for.
  expect(askedBefore[0]).toBe(7)
  expect(pieces.join('')).toBe(texts.join(''))
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(80_000)
  expect(pieces.length).toBeLessThan(20)
})
