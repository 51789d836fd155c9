import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { type FetchPage, PagedList } from '../parts/paged-list.ts'
import { usePage } from '../shell/page-context.ts'

/** Other peers tell nothing by themselves: they are asked again this often. */
const othersEveryMs = 5_000

/** A list that asks again when `types` of events arrive, or the question changes. */
export function useActivityList<Row>(
  fetch: FetchPage<Row>,
  { question, types, isOfOthers = false }: ListOptions,
): PagedList<Row> {
  const { clock, live } = usePage()
  const list = useMemo(() => new PagedList<Row>({ clock }), [clock])
  // `fetch` differs whenever it is made; what it asks is `question`.
  useEffect(() => {
    list.load(fetch).catch(() => {})
  }, [list, question])
  useEffect(() => () => list.stop(), [list])
  const { state } = live.connection.value
  const { value: polls } = live.polls
  useEffect(() => list.refresh(), [list, state, polls])
  const heard = types.join(' ')
  useEffect(() => {
    const ends = heard.split(' ').map((type) => live.on(type, () => list.refresh()))
    return () => ends.forEach((end) => end())
  }, [live, list, heard])
  useEffect(() => {
    if (!isOfOthers) return
    let cancel = (): void => {}
    const again = (): void => {
      cancel = clock.after(othersEveryMs, () => {
        list.refresh()
        again()
      })
    }
    again()
    return () => cancel()
  }, [clock, list, isOfOthers])
  return list
}

interface ListOptions {
  /** What is asked, as text. */
  readonly question: string
  readonly types: readonly string[]
  /** Whether rows of other peers are in it. */
  readonly isOfOthers?: boolean
}

/** Peers that did not answer, of the newest reply. */
export function useMissing(): Signal<readonly { peerId: string }[]> {
  return useSignal<readonly { peerId: string }[]>([])
}
