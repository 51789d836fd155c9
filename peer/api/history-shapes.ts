/** Shapes of the calls about transfers, queries and samples. */
import Type, { type Static } from 'typebox'
import { limits } from '../../common/limits.ts'
import { PeerId } from '../../common/protocol/fields.ts'
import {
  PastQuery,
  PastTransfer,
  RunningTransfer,
  Sample,
} from '../../common/protocol/history-messages.ts'

export const RunningTransfers = Type.Array(RunningTransfer)
export type RunningTransfers = Static<typeof RunningTransfers>

const page = {
  next: Type.Optional(
    Type.String({
      description: 'Present if there are earlier rows: the `after` of the next page.',
    }),
  ),
  missing: Type.Array(Type.Object({ peerId: PeerId, code: Type.String() }), {
    description: 'Live peers that did not answer, each with an error code.',
  }),
}
/** The peer whose history a row is of. */
const at = { at: PeerId }

export const TransferHistory = Type.Object({
  transfers: Type.Array(Type.Object({ ...PastTransfer.properties, ...at })),
  ...page,
})
export type TransferHistory = Static<typeof TransferHistory>

export const QueryHistory = Type.Object({
  queries: Type.Array(Type.Object({ ...PastQuery.properties, ...at })),
  ...page,
})
export type QueryHistory = Static<typeof QueryHistory>

export const Series = Type.Object({
  everyMs: Type.Integer({ description: 'Interval of the samples.' }),
  samples: Type.Array(Sample, {
    description: 'Oldest first; gaps while the peer was not running.',
  }),
})
export type Series = Static<typeof Series>

export const HistoryQuery = Type.Object({
  peer: Type.Optional(
    Type.String({
      maxLength: limits.peerIdBytesMax,
      description: 'Id of a peer, or `all` for all live peers. Default: the peer that is asked.',
    }),
  ),
  after: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,16}-[0-9]{1,16}-[^/]{1,64}$',
      description: 'The `next` of the previous page.',
    }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax, default: 100 }),
})
