import { chunkCountFor } from './chunks.ts'

/**
 * Contents up to this size do not wait for larger ones: a photo or a song never waits for a disk
 * image.
 */
export const mediumCopyBytesMax = 64 * 1024 * 1024

/**
 * Classes of contents by size, smallest first. Copies of one class never wait for those of another.
 */
export const lanes = ['small', 'medium', 'large'] as const
export type Lane = (typeof lanes)[number]

/**
 * `small`: one chunk, batched with others; `medium`: up to `mediumCopyBytesMax`; `large`: the rest.
 */
export function laneOf(sizeBytes: number): Lane {
  if (chunkCountFor(sizeBytes) <= 1) return 'small'
  return sizeBytes <= mediumCopyBytesMax ? 'medium' : 'large'
}
