/**
 * Hashes by which two members see whether they know the same: the exclusive or of the hashes of all live
 * members, in total and per group, so that each change costs the same in any mesh. A suspect dies at
 * each member in its own time, so both states are the same here.
 */
import { hash } from 'node:crypto'
import { limits } from '../../common/limits.ts'
import type { Member } from './member.ts'

/** The group of a member in digests. */
export function bucketOf(peerId: string): number {
  return (hash('sha256', peerId, 'buffer')[0] ?? 0) % limits.meshBuckets
}

/** Two words of 32 bits. */
export type Hash = readonly [number, number]

/** The hash of what is known of a live member. */
export function hashOf({ record }: Pick<Member, 'record'>): Hash {
  const { peerId, generation, version } = record
  const digest = hash('sha256', `${peerId} ${generation} ${version}`, 'buffer')
  return [digest.readInt32LE(0), digest.readInt32LE(4)]
}

/** The hashes of all groups; adding a hash again removes it. */
export class GroupHashes {
  readonly #words = new Int32Array(limits.meshBuckets)
  #total: Hash = [0, 0]

  toggle(bucket: number, [high, low]: Hash): void {
    this.#words[bucket] = (this.#words[bucket] ?? 0) ^ low
    this.#total = [this.#total[0] ^ high, this.#total[1] ^ low]
  }

  /** The hash of all members. */
  get total(): string {
    return this.#total.map(hex).join('')
  }

  /** One hash per group, 8 digits each. */
  get groups(): string {
    return Array.from(this.#words, hex).join('')
  }

  /** The groups in which `groups` of another member differ. */
  differing(groups: string): number[] {
    return Array.from(this.#words, (word, bucket) => ({ word, bucket }))
      .filter(({ word, bucket }) => hex(word) !== groups.slice(8 * bucket, 8 * bucket + 8))
      .map(({ bucket }) => bucket)
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
