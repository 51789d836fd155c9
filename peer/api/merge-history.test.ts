import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { beforeAt, cursorOf, type HistoryRow, merged } from './merge-history.ts'

/** A peer that answers with at most `most` rows, whatever is asked for. */
function pageOf(
  rows: readonly HistoryRow[],
  before: string | undefined,
  limit: number,
): { rows: HistoryRow[]; isMore: boolean } {
  const [time = Infinity, number = 0] = before?.split('-').map(Number) ?? []
  const later = rows.filter(
    ({ id, timeMs }) => timeMs < time || (timeMs === time && Number(id.split('-')[1]) < number),
  )
  return { rows: later.slice(0, limit), isMore: later.length > limit }
}

test('whatever the peers have and however much they answer, each row is listed once, newest first', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(`merge ${seed}`)
    const below = (count: number): number => Math.floor(random.fraction() * count)
    const peers = ['a', 'b-1', 'b', 'c'].slice(0, 1 + below(4))
    const rows = new Map(
      peers.map((peer) => {
        const times = Array.from({ length: below(30) }, () => below(12)).toSorted((x, y) => x - y)
        const all = times.map((timeMs, index) => ({ id: `${timeMs}-${index + 1}`, timeMs }))
        return [peer, all.toReversed()]
      }),
    )
    const limit = 1 + below(7)
    const found: string[] = []
    const times: number[] = []
    for (let cursor: string | undefined; ; ) {
      const lists = peers.map((at) => {
        const page = pageOf(rows.get(at) ?? [], beforeAt(at, cursor), 1 + below(limit))
        return { ...page, rows: page.rows.map((row) => ({ ...row, at })) }
      })
      const page = merged(lists, limit)
      found.push(...page.map(({ at, id }) => `${at} ${id}`))
      times.push(...page.map(({ timeMs }) => timeMs))
      const last = page.at(-1)
      if (last === undefined) break
      cursor = cursorOf(last)
    }
    const all = [...rows].flatMap(([at, list]) => list.map(({ id }) => `${at} ${id}`))
    expect(found.toSorted(), `seed ${seed}`).toEqual(all.toSorted())
    expect(times, `seed ${seed}`).toEqual(times.toSorted((x, y) => y - x))
  }
})
