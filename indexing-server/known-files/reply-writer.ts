import { compareText } from '../rank.ts'
import { holderIn, type RowParts } from './packed-rows.ts'
import type { SourceText, SourceTexts } from './source-texts.ts'

const hexDigits = Buffer.from('0123456789abcdef')
const [zero = 0] = Buffer.from('0')
const [comma = 0] = Buffer.from(',')

const texts = {
  contents: Buffer.from(',"body":{"contents":[{"sha256":"'),
  size: Buffer.from('","size":'),
  chunkRoot: Buffer.from(',"chunkRoot":"'),
  modifiedMs: Buffer.from('","modifiedMs":'),
  sources: Buffer.from(',"sources":['),
  end: Buffer.from(']}]}}'),
}
/** The longest of what stands between the sources: texts, two hashes and two numbers. */
const fixedBytesMax = 512
const hashBytes = 32
/** Numbers are written in parts of so many digits, which small integers can hold. */
const digitsPerPart = 8
const partMax = 10 ** digitsPerPart

/** Writes the replies to lookups of known files. */
export class ReplyWriter {
  readonly #sources: Pick<SourceTexts, 'of'>
  readonly #found: SourceText[] = []

  constructor(sources: Pick<SourceTexts, 'of'>) {
    this.#sources = sources
  }

  /**
   * Writes the JSON of a reply after its id: the same as the handler's.
   * @returns where it ends; 0 if it needs more than `bytesMax`
   */
  write(parts: RowParts, bytes: Buffer, start: number, bytesMax: number): number {
    const found = this.#rank(parts)
    let needed = fixedBytesMax
    for (const { json } of found) needed += json.length + 1
    if (needed > bytesMax) return 0
    let at = put(bytes, start, texts.contents)
    const sha256At = at
    at = putHex(bytes, at, parts.bytes, parts.sha256At)
    at = put(bytes, at, texts.size)
    at = putNumber(bytes, at, parts.size)
    at = put(bytes, at, texts.chunkRoot)
    if (parts.chunkRootAt === parts.sha256At)
      at += bytes.copy(bytes, at, sha256At, sha256At + 2 * hashBytes)
    else at = putHex(bytes, at, parts.bytes, parts.chunkRootAt)
    at = put(bytes, at, texts.modifiedMs)
    at = putNumber(bytes, at, parts.modifiedMs)
    at = put(bytes, at, texts.sources)
    for (let index = 0; index < found.length; index += 1) {
      if (index > 0) bytes[at++] = comma
      at = put(bytes, at, (found[index] as SourceText).json)
    }
    return put(bytes, at, texts.end)
  }

  /** Those that can serve, best first; valid until the next call. There are few: they are inserted. */
  #rank(parts: RowParts): readonly SourceText[] {
    const found = this.#found
    found.length = 0
    for (let position = 0; position < parts.holders; position += 1) {
      const source = this.#sources.of(holderIn(parts, position))
      if (source === null) continue
      let index = found.push(source) - 1
      for (; index > 0 && isBefore(source, found[index - 1] as SourceText); index -= 1)
        found[index] = found[index - 1] as SourceText
      found[index] = source
    }
    return found
  }
}

function isBefore(a: SourceText, b: SourceText): boolean {
  return a.rank === b.rank ? compareText(a.peerId, b.peerId) < 0 : a.rank < b.rank
}

function put(bytes: Buffer, at: number, text: Uint8Array): number {
  bytes.set(text, at)
  return at + text.length
}

function putHex(bytes: Buffer, start: number, from: Buffer, fromAt: number): number {
  let at = start
  for (let index = fromAt; index < fromAt + hashBytes; index += 1) {
    const byte = from[index] as number
    bytes[at++] = hexDigits[byte >>> 4] as number
    bytes[at++] = hexDigits[byte & 15] as number
  }
  return at
}

/** @param number an integer, not negative */
function putNumber(bytes: Buffer, at: number, number: number): number {
  if (number < partMax) return putSmall(bytes, at, number, digitsOf(number))
  const high = Math.floor(number / partMax)
  return putSmall(bytes, putNumber(bytes, at, high), number - high * partMax, digitsPerPart)
}

function putSmall(bytes: Buffer, at: number, number: number, digits: number): number {
  let left = number | 0
  for (let place = at + digits - 1; place >= at; place -= 1) {
    const rest = (left / 10) | 0
    bytes[place] = zero + left - 10 * rest
    left = rest
  }
  return at + digits
}

function digitsOf(number: number): number {
  let digits = 1
  for (let power = 10; power <= number; power *= 10) digits += 1
  return digits
}
