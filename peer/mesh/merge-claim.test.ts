import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MemberClaim } from '../../common/protocol/mesh-messages.ts'
import { compareVersions, type Member } from './member.ts'
import { contradiction, gravity, mergeClaim } from './merge-claim.ts'

const dayMs = 24 * 3_600_000
const nowMs = 1_000 * dayMs
const room = { nowMs, hasRoom: true }

function claimOf(
  generation: number,
  version: number,
  state?: 'suspect' | 'dead' | 'left',
): MemberClaim {
  const record = {
    peerId: 'peer1',
    generation,
    version,
    host: 'host',
    port: 7_000,
    epoch: '0123456789abcdef',
    lastSeq: version,
    freeBytes: 0,
  }
  return { record, ...(state === undefined ? {} : { state }) }
}

function memberOf(claim: MemberClaim): Member {
  const { record, state = 'live', forGood = false } = claim
  return { record, state, forGood, heardMs: 0, isMet: true, isKnown: true, sinceMs: 0 }
}

/** What is known after a claim. */
function merged(known: Member | undefined, claim: MemberClaim): Member | undefined {
  const result = mergeClaim(claim, known, room)
  return result.kind === 'changed'
    ? { ...result, heardMs: 0, isMet: true, isKnown: true, sinceMs: 0 }
    : known
}

const claims = fc
  .record({
    generation: fc.integer({ min: 1, max: 3 }),
    version: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom(undefined, 'suspect' as const, 'dead' as const, 'left' as const),
  })
  .map(({ generation, version, state }) => claimOf(generation, version, state))

test('the order of claims makes no difference, nor how often they are told', () => {
  const stories = fc
    .array(claims, { minLength: 1, maxLength: 12 })
    .chain((story) =>
      fc.tuple(
        fc.constant(story),
        fc.shuffledSubarray([...story, ...story], { minLength: 2 * story.length }),
      ),
    )
  fc.assert(
    fc.property(stories, ([story, other]) => {
      const first = memberOf(claimOf(0, 0))
      const [a, b] = [story, other].map((told) => told.reduce(merged, first as Member | undefined))
      expect(a?.record).toEqual(b?.record)
      expect(a?.state).toEqual(b?.state)
    }),
  )
})

test('what is believed never becomes older or less grave', () => {
  fc.assert(
    fc.property(claims, claims, (before, claim) => {
      const known = memberOf(before)
      const after = merged(known, claim) ?? known
      const order = compareVersions(after.record, known.record)
      expect(order > 0 || (order === 0 && gravity[after.state] >= gravity[known.state])).toBe(true)
    }),
  )
})

test('a member contradicts each claim about itself so that all believe it', () => {
  fc.assert(
    fc.property(claims, claims, ({ record: own }, claim) => {
      const raised = contradiction(claim, own)
      const believed = memberOf(claim)
      const order = compareVersions(claim.record, own)
      const isTrue = order < 0 || (order === 0 && claim.state === undefined)
      expect(raised === undefined).toBe(isTrue)
      if (raised === undefined) return
      const after = merged(believed, { record: { ...own, ...raised } })
      expect(after).toMatchObject({ state: 'live', record: raised })
    }),
  )
})

test('a death that others report is only a suspicion', () => {
  expect(merged(memberOf(claimOf(1, 1)), claimOf(1, 1, 'dead'))?.state).toBe('suspect')
})

test('what is gone and unknown stays unknown', () => {
  expect(merged(undefined, claimOf(1, 1, 'left'))).toBeUndefined()
  expect(merged(undefined, claimOf(1, 1, 'suspect'))?.state).toBe('suspect')
})

test('a dead member lives again only by its own word', () => {
  const dead: Member = { ...memberOf(claimOf(1, 7)), state: 'dead' }
  expect(merged(dead, claimOf(1, 7))).toBe(dead)
  expect(merged(dead, claimOf(1, 8))?.state).toBe('live')
})

test('improper claims are told from others', () => {
  const future = claimOf(nowMs + dayMs + 1, 1)
  expect(mergeClaim(future, undefined, room).kind).toBe('improper')
  expect(mergeClaim(claimOf(nowMs + dayMs, 1), undefined, room).kind).toBe('changed')
  expect(mergeClaim(claimOf(1, 2 ** 40 + 1), undefined, room).kind).toBe('improper')
  expect(mergeClaim(claimOf(1, 1), undefined, { nowMs, hasRoom: false }).kind).toBe('improper')
})

test('the runs that are known stay known when the clock is set back', () => {
  const known = memberOf(claimOf(nowMs + 5 * dayMs, 1))
  expect(merged(known, claimOf(nowMs + 5 * dayMs, 2))?.record.version).toBe(2)
})

test('a made-up version at the end of the range is contradicted by a new generation', () => {
  const { record: own } = claimOf(5, 1)
  expect(contradiction(claimOf(5, 2 ** 40), own)).toEqual({ generation: 6, version: 1 })
})
