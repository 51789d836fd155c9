import { posix } from 'node:path'
import { limits } from '../../common/limits.ts'

/** What follows the last dot is an extension only up to this length; names may be cut elsewhere. */
const extensionBytesMax = 32

/**
 * The `number`-th name, from 1, that stands for `name` where others have taken it: `a.txt`,
 * `a (2).txt`, `a (3).txt`. A last segment that would become too long loses the end of its stem.
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

/** The beginning of `text` that takes at most `bytesMax` bytes, cut between code points. */
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
