import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toAppError } from '../../../common/errors.ts'
import { holds, parseIfHeader, type ResourceState, submittedTokens } from './if-header.ts'

const here: ResourceState = { etag: '"e1"', tokens: new Set(['urn:t1']) }
const there: ResourceState = { etag: undefined, tokens: new Set(['urn:t2']) }

async function isTrue(header: string): Promise<boolean> {
  return await holds(parseIfHeader(header), async (url) => (url === undefined ? here : there))
}

describe('an If header', () => {
  test.each([
    ['(<urn:t1>)', true],
    ['(<urn:t1> ["e1"])', true],
    ['(<urn:t1> ["e2"])', false],
    ['(<urn:t2>)', false],
    ['(Not <urn:t2>)', true],
    ['(Not<urn:t1>)', false],
    ['(<urn:t2>) (Not <DAV:no-lock>)', true],
    ['(<urn:t2>) (["e1"])', true],
    ['(["e1"] Not ["e2"])', true],
    ['<http://h/dav/x> (<urn:t2>)', true],
    ['<http://h/dav/x> (<urn:t1>)', false],
    ['</x> (["e1"]) (Not ["e1"])', true],
    ['</x> (<urn:t1>) </y> (<urn:t2>)', true],
  ])('%s holds: %j', async (header, expected) => {
    expect(await isTrue(header)).toBe(expected)
  })

  test.each(['', '()', '<urn:t1>', '(urn:t1)', '(<urn:t1>', '(<urn:t1>) x', '(["e1]', '(Not)'])(
    '%j is refused',
    (header) => {
      expect(() => parseIfHeader(header)).toThrow(/is not a list of conditions/)
    },
  )

  test('names the tokens that the client has, also those of other resources', () => {
    const lists = parseIfHeader('</x> (<urn:t2>) </y> (Not <urn:t1> ["e"])')
    expect([...submittedTokens(lists)]).toEqual(['urn:t2', 'urn:t1'])
  })

  test('of any kind is parsed or refused soon', () => {
    const outcomeOf = (header: string): string => {
      try {
        return typeof parseIfHeader(header)
      } catch (error) {
        return toAppError(error).code
      }
    }
    const piece = fc.constantFrom('(', ')', '<', '>', '[', ']', ' ', 'Not', 'a', '"')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 2_000 }), (pieces) => {
        expect(['object', 'BAD_REQUEST']).toContain(outcomeOf(pieces.join('')))
      }),
    )
  })
})
