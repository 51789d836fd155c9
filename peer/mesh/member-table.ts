import { isPresent, type Member } from './member.ts'
import { bucketOf, GroupHashes, type Hash, hashOf } from './member-hash.ts'

interface Row {
  readonly member: Member
  readonly bucket: number
  /** Absent for a member that is not live. */
  readonly hash: Hash | undefined
}

/** All known members, the peer itself included, with the hashes of the live ones. */
export class MemberTable {
  readonly #rows = new Map<string, Row>()
  readonly #hashes = new GroupHashes()
  /** The ids of those that are not live: few, which are looked at in each round. */
  readonly #notLive = new Set<string>()
  #presentCount = 0
  #present: readonly string[] | undefined
  #met: readonly string[] | undefined

  get size(): number {
    return this.#rows.size
  }

  get(peerId: string): Member | undefined {
    return this.#rows.get(peerId)?.member
  }

  *values(): Generator<Member> {
    for (const { member } of this.#rows.values()) yield member
  }

  /** All members that are not live. */
  get notLive(): readonly Member[] {
    return Array.from(this.#notLive, (peerId) => this.get(peerId)).filter(
      (member) => member !== undefined,
    )
  }

  /** The ids of all members that are live or suspect. */
  get present(): readonly string[] {
    this.#present ??= [...this.values()].filter(isPresent).map(({ record }) => record.peerId)
    return this.#present
  }

  /** Their number, which is known without a list of them. */
  get presentCount(): number {
    return this.#presentCount
  }

  /** Those of them that have answered. */
  get met(): readonly string[] {
    this.#met ??= this.present.filter((peerId) => this.get(peerId)?.isMet)
    return this.#met
  }

  /** The hash of all live members. */
  get hash(): string {
    return this.#hashes.total
  }

  /** The hashes of the groups of live members. */
  get groups(): string {
    return this.#hashes.groups
  }

  /** The groups in which another member with these hashes differs. */
  differing(groups: string): number[] {
    return this.#hashes.differing(groups)
  }

  /** The members of some groups. */
  inGroups(groups: readonly number[]): Member[] {
    const wanted = new Set(groups)
    return [...this.#rows.values()]
      .filter(({ bucket }) => wanted.has(bucket))
      .map(({ member }) => member)
  }

  set(member: Member): void {
    const { peerId } = member.record
    const before = this.#rows.get(peerId)
    const bucket = before?.bucket ?? bucketOf(peerId)
    const hash = member.state === 'live' && member.isKnown ? hashOf(member) : undefined
    this.#rows.set(peerId, { member, bucket, hash })
    if (member.state === 'live') this.#notLive.delete(peerId)
    else this.#notLive.add(peerId)
    if (before?.hash !== undefined) this.#hashes.toggle(bucket, before.hash)
    if (hash !== undefined) this.#hashes.toggle(bucket, hash)
    const wasPresent = before !== undefined && isPresent(before.member)
    if (wasPresent !== isPresent(member)) {
      this.#present = undefined
      this.#presentCount += wasPresent ? -1 : 1
    }
    if (wasPresent !== isPresent(member) || before?.member.isMet !== member.isMet)
      this.#met = undefined
  }

  /** Only notes that a member was heard of. */
  touch(peerId: string, heardMs: number): void {
    const row = this.#rows.get(peerId)
    if (row !== undefined) this.#rows.set(peerId, { ...row, member: { ...row.member, heardMs } })
  }

  delete(peerId: string): void {
    const row = this.#rows.get(peerId)
    if (row?.hash !== undefined) this.#hashes.toggle(row.bucket, row.hash)
    this.#present = undefined
    this.#met = undefined
    this.#notLive.delete(peerId)
    if (row !== undefined && isPresent(row.member)) this.#presentCount -= 1
    this.#rows.delete(peerId)
  }
}
