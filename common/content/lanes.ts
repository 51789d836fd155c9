import { limits } from '../limits.ts'
import { chunkCountFor } from './chunks.ts'

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
  return sizeBytes <= limits.mediumCopyBytesMax ? 'medium' : 'large'
}
