/** Calls about what a peer transfers and was asked: a part of the table in calls.ts. */
import Type from 'typebox'
import { Direction } from '../../common/protocol/history-messages.ts'
import type { CallRow } from './call-row.ts'
import {
  HistoryQuery,
  QueryHistory,
  RunningTransfers,
  Series,
  TransferHistory,
} from './history-shapes.ts'

export const historyCalls = {
  transfers: {
    summary: 'List what this peer sends and receives now, for each source and requester',
    method: 'GET',
    path: '/api/transfers',
    reply: RunningTransfers,
  },
  /** Newest first. @throws PEER_UNKNOWN, INDEX_UNREACHABLE, DISK_FAILED */
  history: {
    summary: 'List finished transfers: who sent what to whom, and how fast',
    method: 'GET',
    path: '/api/history',
    query: Type.Object({ ...HistoryQuery.properties, direction: Type.Optional(Direction) }),
    reply: TransferHistory,
  },
  /** Newest first. @throws PEER_UNKNOWN, INDEX_UNREACHABLE, DISK_FAILED */
  queries: {
    summary: 'List queries: the question, who sent it, the answer, and how long it took',
    method: 'GET',
    path: '/api/queries',
    query: HistoryQuery,
    reply: QueryHistory,
  },
  /** @throws DISK_FAILED */
  series: {
    summary: 'Show throughput, lookups, latency and copies over the last hours, for charts',
    method: 'GET',
    path: '/api/series',
    query: Type.Object({
      hours: Type.Integer({ minimum: 1, maximum: 24, default: 1 }),
    }),
    reply: Series,
  },
} as const satisfies Readonly<Record<string, CallRow>>

export type HistoryCall = keyof typeof historyCalls
