import { posix } from 'node:path'
import { limits } from '../../common/limits.ts'

/** The part after the last dot is an extension only up to this length. */
const extensionBytesMax = 32

/**
 * The `number`-th alternative, counted from 1, for a name that is taken: `a.txt`, `a (2).txt`, `a
 * (3).txt`. If the last segment would become too long, the end of its stem is cut.
 */
export function numberedName(name: string, number: number): string {
  if (number === 1) return name
  const { dir, base, ext } = posix.parse(name)
  const extension = Buffer.byteLength(ext) <= extensionBytesMax ? ext : ''
  const stem = base.slice(0, base.length - extension.length)
  const folder = dir === '' ? '' : `${dir}/`
  const ending = ` (${number})${extension}`
  const segmentBytesMax = Math.min(
    limits.nameSegmentBytesMax,
    limits.nameBytesMax - Buffer.byteLength(folder),
  )
  return `${folder}${shortened(stem, segmentBytesMax - Buffer.byteLength(ending))}${ending}`
}

/** The longest prefix of `text` of at most `bytesMax` bytes, cut between code points. */
function shortened(text: string, bytesMax: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    kept += character
  }
  return kept
}
