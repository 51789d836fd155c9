import { expect, test } from 'vitest'
import { eventKindNames, eventKinds } from '../../../../common/protocol/event-kinds.ts'
import { eventGroups, kindsOf, toneOf } from './event-kinds.ts'

test('every kind has the tone of the table of events, and is in exactly one group', () => {
  const tones = { plain: '', good: 'ok', bad: 'bad' } as const
  for (const kind of eventKindNames)
    expect([kind, toneOf(kind)]).toEqual([kind, tones[eventKinds[kind].tone]])
  const groups = eventGroups.filter(({ name }) => name !== 'trouble')
  const grouped = groups.flatMap(({ name }) => kindsOf(name)?.split(',') ?? [])
  expect(grouped.toSorted()).toEqual([...eventKindNames].toSorted())
})

test('trouble is what is bad, and an unknown group is all', () => {
  expect(kindsOf('trouble')?.split(',')).toEqual(
    eventKindNames.filter((kind) => eventKinds[kind].tone === 'bad'),
  )
  expect(kindsOf('nonsense')).toBeUndefined()
})
