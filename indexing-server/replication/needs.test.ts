import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyKinds } from '../../common/protocol/shapes.ts'
import type { Holder } from '../store/store.ts'
import { needOf, type Standing } from './needs.ts'

const file = { owner: 'a', name: 'f' }
const shared = (...ids: string[]): Holder[] => ids.map((peerId) => ({ peerId, kind: 'shared' }))
const standingOf = (peerId: string): Standing => {
  if (peerId.startsWith('lost')) return 'lost'
  return peerId.startsWith('drained') ? 'draining' : 'counted'
}
const noExtra = (): number => 0

test('what a content needs', () => {
  const need = (holders: Holder[], factor: number, of: typeof file | undefined = file) =>
    needOf({ holders, file: of, factor }, standingOf, noExtra)
  expect(need(shared('a', 'b'), 2)).toEqual({ kind: 'none' })
  expect(need(shared('a'), 2)).toEqual({ kind: 'copies', lacking: 1, urgency: 'last-copy' })
  expect(need(shared('a', 'b'), 4)).toEqual({ kind: 'copies', lacking: 2, urgency: 'copies' })
  expect(need(shared('a', 'lost1'), 2)).toMatchObject({ kind: 'copies', lacking: 1 })
  expect(need(shared('lost1', 'lost2'), 2)).toEqual({ kind: 'lost' })
  expect(need([], 2)).toEqual({ kind: 'lost' })
})

test('copies that are not proven do not count, and are tried to be copied only if there are no others', () => {
  const unproven = (...ids: string[]): Holder[] =>
    shared(...ids).map((holder) => ({ ...holder, isDoubted: true, isUnproven: true }))
  const need = (holders: Holder[]) => needOf({ holders, file, factor: 2 }, standingOf, noExtra)
  expect(need([...shared('a'), ...unproven('b', 'c')])).toMatchObject({ lacking: 1 })
  expect(need(unproven('b', 'c'))).toEqual({ kind: 'copies', lacking: 2, urgency: 'last-copy' })
  expect(need(unproven('lost1'))).toEqual({ kind: 'lost' })
})

test('copies on draining peers are sources that do not count', () => {
  const need = (holders: Holder[], factor: number) =>
    needOf({ holders, file, factor }, standingOf, noExtra)
  const draining = { kind: 'copies', lacking: 1, urgency: 'draining' }
  expect(need(shared('a', 'drained1'), 2)).toEqual(draining)
  expect(need(shared('drained1', 'drained2'), 2)).toEqual({ ...draining, lacking: 2 })
  expect(need(shared('a', 'b', 'drained1'), 2)).toEqual({ kind: 'none' })
  expect(need(shared('drained1'), 2)).toEqual({ kind: 'copies', lacking: 2, urgency: 'last-copy' })
  const never = (): number => {
    throw new Error('was counted')
  }
  expect(
    needOf({ holders: shared('a', 'b', 'drained1'), file, factor: 2 }, standingOf, never),
  ).toEqual({
    kind: 'none',
  })
})

test('replicas beyond the factor are a surplus, and are not even counted where there can be none', () => {
  const need = (holders: Holder[], extra: () => number) =>
    needOf({ holders, file, factor: 2 }, standingOf, extra)
  const surplus = { kind: 'surplus', extra: 1, urgency: 'trim' }
  expect(need(shared('a', 'b', 'c'), () => 1)).toEqual(surplus)
  expect(need([...shared('a', 'b'), { peerId: 'b', kind: 'replicated' }], () => 1)).toEqual(surplus)
  expect(need(shared('a', 'b', 'c'), noExtra)).toEqual({ kind: 'none' })
  const never = (): number => {
    throw new Error('was counted')
  }
  expect(need(shared('a', 'b', 'lost1'), never)).toEqual({ kind: 'none' })
})

test('a content without a file is not wanted; only copies kept on request are dropped', () => {
  const unwanted = (...holders: Holder[]) =>
    needOf({ holders, file: undefined, factor: 2 }, standingOf, noExtra)
  expect(unwanted({ peerId: 'a', kind: 'downloaded' })).toEqual({ kind: 'none' })
  expect(unwanted({ peerId: 'a', kind: 'replicated' })).toEqual({ kind: 'drop', urgency: 'drop' })
  expect(unwanted({ peerId: 'lost1', kind: 'replicated' })).toEqual({ kind: 'none' })
})

test('lacking copies and those on peers that are not lost make up the factor', () => {
  const holder = fc.record({
    peerId: fc.constantFrom('a', 'b', 'c', 'lost1', 'lost2', 'drained1', 'drained2'),
    kind: fc.constantFrom(...copyKinds),
  })
  fc.assert(
    fc.property(fc.array(holder), fc.integer({ min: 1, max: 5 }), (holders, factor) => {
      const need = needOf({ holders, file, factor }, standingOf, noExtra)
      const peerIds = new Set(holders.map(({ peerId }) => peerId))
      const kept = [...peerIds].filter((id) => standingOf(id) === 'counted').length
      const left = [...peerIds].filter((id) => standingOf(id) !== 'lost').length
      const kinds = { none: kept >= factor, lost: left === 0, copies: left > 0 && kept < factor }
      expect(kinds).toMatchObject({ [need.kind]: true })
      expect(need.kind === 'copies' ? kept + need.lacking : factor).toBe(factor)
    }),
  )
})
