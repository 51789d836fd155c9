import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import type { Change } from '../../common/protocol/messages.ts'
import { AnnouncementPlan, announceFrameBytesTarget } from './announcement-plan.ts'
import type { Inventory } from './inventory.ts'

/** A catalog in which each change is a drop, by number. */
function anInventory(seqs: number[], options: { isComplete: boolean; lastSeq?: number }) {
  const inventory = {
    epoch: '0123456789abcdef',
    continues: undefined,
    isComplete: options.isComplete,
    lastSeq: options.lastSeq ?? seqs.at(-1) ?? 0,
    changesSince: (seq, limit) =>
      seqs
        .filter((each) => each > seq)
        .slice(0, limit)
        .map((each): Change => ({ op: 'drop', seq: each, kind: 'shared', name: `${each}` })),
    canResumeFrom: (seq) => seq > 0,
    seenByIndex: () => {},
    onChange: () => () => {},
  } satisfies Inventory
  return inventory
}

const outline = (plan: AnnouncementPlan): string[] =>
  plan.next().map(({ begin, end, previousSeq, lastSeq, changes }) => {
    const seqs = changes.map(({ seq }) => seq).join(',')
    return `${begin ? 'begin ' : ''}${end ? 'end ' : ''}${previousSeq}->${lastSeq} [${seqs}]`
  })

test('an index that has the catalog gets only later changes', () => {
  const plan = AnnouncementPlan.from(
    { seq: 2, full: undefined },
    anInventory([1, 2, 5, 9], { isComplete: true }),
  )
  expect(outline(plan)).toEqual(['2->9 [5,9]'])
  expect(outline(plan)).toEqual([])
})

test('an index that has nothing gets everything, and learns when it is complete', () => {
  const plan = AnnouncementPlan.from(
    { seq: 0, full: undefined },
    anInventory([1, 2], { isComplete: true, lastSeq: 7 }),
  )
  expect(outline(plan)).toEqual(['begin end 0->7 [1,2]'])
  expect(outline(plan)).toEqual([])
  expect(plan.plannedSeq).toBe(7)
})

test('known files are announced during the first scan; completeness only after it', () => {
  const inventory = anInventory([1, 2], { isComplete: false })
  const plan = AnnouncementPlan.from({ seq: 0, full: undefined }, inventory)
  expect(outline(plan)).toEqual(['begin 0->2 [1,2]'])
  expect(outline(plan)).toEqual([])
  inventory.isComplete = true
  expect(outline(plan)).toEqual(['end 2->2 []'])
  expect(outline(plan)).toEqual([])
})

test('an empty catalog is an inventory once it is complete', () => {
  const inventory = anInventory([], { isComplete: false, lastSeq: 100 })
  const plan = AnnouncementPlan.from({ seq: 0, full: undefined }, inventory)
  expect(outline(plan)).toEqual([])
  inventory.isComplete = true
  expect(outline(plan)).toEqual(['begin end 0->100 []'])
})

test('pages of changes follow each other without gaps, and only the last one ends the inventory', () => {
  const count = 2 * limits.announceChangesMax + 1
  const seqs = Array.from({ length: count }, (_, index) => index + 1)
  const plan = AnnouncementPlan.from(
    { seq: 0, full: undefined },
    anInventory(seqs, { isComplete: true }),
  )
  const announcements = []
  for (let next = plan.next(); next.length > 0; next = plan.next()) announcements.push(...next)

  expect(announcements.flatMap(({ changes }) => changes)).toHaveLength(count)
  let previousSeq = 0
  for (const announcement of announcements) {
    expect(announcement.previousSeq).toBe(previousSeq)
    previousSeq = announcement.lastSeq
  }
  expect(announcements.map(({ begin }) => begin)).toEqual([
    true,
    ...announcements.slice(1).map(() => undefined),
  ])
  expect(announcements.filter(({ end }) => end)).toEqual([announcements.at(-1)])
})

test('an announcement is far smaller than a frame', () => {
  expect(2 * announceFrameBytesTarget).toBeLessThanOrEqual(limits.frameBodyBytesMax)
})
