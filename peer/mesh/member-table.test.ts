import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareDigest } from './compare-digest.ts'
import { isPresent, type Member, type MemberState, memberStates, toClaim } from './member.ts'
import { MemberTable } from './member-table.ts'
import { mergeClaim } from './merge-claim.ts'

/** Members in some of these states, with several versions of some. */
function membersIn(...states: readonly MemberState[]): fc.Arbitrary<Member[]> {
  const member = fc
    .record({ index: fc.nat(20), version: fc.nat(3), state: fc.constantFrom(...states) })
    .map(memberOf)
  return fc.array(member, { maxLength: 30 })
}

function memberOf({
  index,
  version,
  state,
}: {
  index: number
  version: number
  state: Member['state']
}): Member {
  const record = {
    peerId: `peer${index}`,
    generation: 1,
    version,
    host: 'host',
    port: 7_000,
    epoch: '0123456789abcdef',
    lastSeq: 0,
    freeBytes: 0,
  }
  return { record, state, forGood: false, heardMs: 0, isMet: true, isKnown: true, sinceMs: 0 }
}

function tableOf(known: Iterable<Member>): MemberTable {
  const table = new MemberTable()
  for (const member of known) table.set(member)
  return table
}

test('the hash depends on what is known, not on how it became known', () => {
  fc.assert(
    fc.property(membersIn(...memberStates), (story) => {
      const table = tableOf(story)
      const fresh = tableOf([...table.values()].toReversed())
      expect(fresh.hash).toBe(table.hash)
      expect(fresh.differing(table.groups)).toEqual([])
      expect(table.present.length).toBe([...table.values()].filter(isPresent).length)
      expect(table.presentCount).toBe(table.present.length)
      const idsOf = (members: Iterable<Member>): string[] =>
        Array.from(members, ({ record }) => record.peerId).toSorted()
      const notLive = [...table.values()].filter(({ state }) => state !== 'live')
      expect(idsOf(table.notLive)).toEqual(idsOf(notLive))
    }),
  )
})

test('a removed member leaves nothing behind', () => {
  const table = tableOf([
    memberOf({ index: 1, version: 1, state: 'live' }),
    memberOf({ index: 1, version: 2, state: 'suspect' }),
  ])
  table.delete('peer1')
  expect(table.hash).toBe('0'.repeat(16))
  expect(table.present).toEqual([])
  expect(table.notLive).toEqual([])
  expect(table.presentCount).toBe(0)
})

test('after a comparison both know the same of all live members', () => {
  fc.assert(
    fc.property(membersIn('live', 'suspect'), membersIn('live', 'suspect'), (one, other) => {
      const [asker, asked] = [tableOf(one), tableOf(other)]
      const groups = asked.differing(asker.groups)
      const rows = asked.inGroups(groups).map((member) => {
        const { record, state } = toClaim(member)
        return { ...record, ...(state === undefined ? {} : { state }) }
      })
      const { wanted, told } = compareDigest(rows, asker.inGroups(groups))
      const take = (table: MemberTable, member: Member): void => {
        const known = table.get(member.record.peerId)
        const merged = mergeClaim(toClaim(member), known, { nowMs: 0, hasRoom: true })
        if (merged.kind === 'changed')
          table.set({ ...merged, heardMs: 0, isMet: true, isKnown: true, sinceMs: 0 })
      }
      for (const member of told) take(asked, member)
      for (const peerId of wanted) {
        const member = asked.get(peerId)
        if (member !== undefined) take(asker, member)
      }
      expect(asked.hash).toBe(asker.hash)
    }),
  )
})
