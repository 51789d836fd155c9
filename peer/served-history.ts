import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { History } from './history/history.ts'
import type { Page } from './history/history-store.ts'
import type { ServedHistory } from './serve/serve-handlers.ts'

/** The history as other peers may read it: each reply fits one frame. */
export function servedHistory(history: Pick<History, 'queries' | 'transfers'>): ServedHistory {
  return {
    transfers(request) {
      const { rows: transfers, isMore } = fitting(history.transfers(request))
      return { transfers, isMore }
    },
    queries(request) {
      const { rows: queries, isMore } = fitting(history.queries(request))
      return { queries, isMore }
    },
  }
}

function fitting<Row>({ rows, isMore }: Page<Row>): { rows: Row[]; isMore: boolean } {
  const shown = thatFitFrame(rows)
  return { rows: shown, isMore: isMore || shown.length < rows.length }
}
