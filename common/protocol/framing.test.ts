import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { encodeFrame, FrameDecoder } from './framing.ts'

/** The decoder's output for `bytes`, pushed in parts of the given sizes, as text. */
function decodeInParts(bytes: Buffer, partSizes: readonly number[]): string[] {
  const decoder = new FrameDecoder()
  const bodies: string[] = []
  let start = 0
  for (const size of [...partSizes, bytes.length]) {
    decoder.push(bytes.subarray(start, start + size))
    for (let found = decoder.next(); found !== undefined; found = decoder.next())
      if (found.kind === 'frame') bodies.push(found.body.toString())
    start += size
  }
  return bodies
}

describe('a frame', () => {
  test('is its length in four bytes, then its body', () => {
    expect(encodeFrame('{"re":1}')).toEqual(
      Buffer.concat([
        Buffer.from([0, 0, 0, 8]), // length, big-endian
        Buffer.from('{"re":1}'), // body
      ]),
    )
  })

  test('counts bytes, not characters', () => {
    expect(encodeFrame('é').readUInt32BE(0)).toBe(2)
  })

  test('is refused when its body exceeds the bound', () => {
    expect(() => encodeFrame('x'.repeat(limits.frameBodyBytesMax + 1))).toThrow('larger than')
    expect(encodeFrame('x'.repeat(limits.frameBodyBytesMax)).length).toBe(
      limits.frameBodyBytesMax + 4,
    )
  })
})

describe('the decoder', () => {
  test('finds the same frames however the stream is cut', () => {
    const body = fc.string({ minLength: 1, maxLength: 20_000, unit: 'binary' })
    const part = fc.integer({ min: 0, max: 5_000 })
    fc.assert(
      fc.property(fc.array(body, { maxLength: 6 }), fc.array(part), (bodies, parts) => {
        const wellFormed = bodies.map((text) => text.toWellFormed())
        const stream = Buffer.concat(wellFormed.map(encodeFrame))
        expect(decodeInParts(stream, parts)).toEqual(wellFormed)
      }),
    )
  })

  test('returns bulk bytes between frames, in pieces', () => {
    const decoder = new FrameDecoder()
    decoder.push(Buffer.concat([encodeFrame('a'), Buffer.from('bul')]))
    expect(decoder.next()).toMatchObject({ kind: 'frame' })
    decoder.expectBulk(4)
    expect(decoder.next()).toEqual({ kind: 'bulk', piece: Buffer.from('bul'), isLast: false })
    expect(decoder.next()).toBeUndefined()
    decoder.push(Buffer.concat([Buffer.from('k'), encodeFrame('b')]))
    expect(decoder.next()).toEqual({ kind: 'bulk', piece: Buffer.from('k'), isLast: true })
    expect(decoder.next()).toEqual({ kind: 'frame', body: Buffer.from('b') })
  })

  test.each([
    ['4 GiB', 0xffff_ffff],
    ['one byte over the bound', limits.frameBodyBytesMax + 1],
    ['zero', 0],
  ])('refuses a length of %s before it allocates', (_, bytes) => {
    const decoder = new FrameDecoder()
    const header = Buffer.alloc(4)
    header.writeUInt32BE(bytes)
    decoder.push(header)
    // The header alone must be enough to refuse it: there is no body byte yet.
    decoder.push(Buffer.from('x'))
    expect(() => decoder.next()).toThrow(expect.toSatisfy((error) => hasCode(error, 'BAD_FRAME')))
  })

  test('never does anything but find frames or refuse, whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (parts) => {
        const decoder = new FrameDecoder()
        let refusal: unknown
        try {
          for (const part of parts) {
            decoder.push(Buffer.from(part))
            while (decoder.next() !== undefined);
          }
        } catch (error) {
          refusal = error
        }
        expect(refusal === undefined || hasCode(refusal, 'BAD_FRAME')).toBe(true)
      }),
    )
  })
})
