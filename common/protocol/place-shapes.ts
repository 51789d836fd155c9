/** What messages say about where copies are, could be, and go: a part of shapes.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { Bytes, Count, described, PeerId } from './fields.ts'

const rebalanceProgress = {
  state: Type.Union(
    [
      Type.Literal('idle'),
      Type.Literal('running'),
      Type.Literal('waiting'),
      Type.Literal('done'),
      Type.Literal('stopped'),
    ],
    {
      description:
        'Idle: none has run since the index started. Waiting: it runs, but nothing moves now',
    },
  ),
  cause: Type.Optional(
    Type.Union([Type.Literal('command'), Type.Literal('automatic')], {
      description: 'Why it was started; absent if idle',
    }),
  ),
  waitsFor: Type.Optional(
    Type.String({ maxLength: 200, description: 'What it waits for, if it is waiting' }),
  ),
  movedContents: described(Count, 'Replicas that have moved'),
  movedBytes: Bytes,
  leftBytes: described(Bytes, 'What is left of its plan'),
  bytesPerSecond: Type.Optional(
    described(Bytes, 'The rate at which replicas may move; absent without a limit'),
  ),
}
const RebalanceProgress = Type.Object(rebalanceProgress)

export const Rebalance = Type.Object({
  ...rebalanceProgress,
  plan: Type.Optional(
    Type.Object(
      {
        flows: Type.Array(
          Type.Object({
            from: described(PeerId, 'The fuller peer'),
            to: described(PeerId, 'The less full peer'),
            contents: Count,
            bytes: Bytes,
          }),
          { maxItems: limits.rebalanceFlowsMax, description: 'The largest ones first' },
        ),
        contents: described(Count, 'Replicas that move, of all flows'),
        bytes: Bytes,
        isPartial: Type.Boolean({ description: 'Whether more would move than was examined' }),
      },
      { description: 'What would move now, or what the rebalance that was just started moves' },
    ),
  ),
})

/** The fields of the cluster's status about places. */
export const placeStatus = {
  noRoom: Type.Optional(
    Type.Object(
      {
        contents: Count,
        bytes: described(Bytes, 'The size of the copies that are missing for that reason'),
        addBytes: described(Bytes, 'How much space must be added at least, on any of `peers`'),
        peers: Type.Array(
          Type.Object({
            peerId: PeerId,
            roomBytes: described(Bytes, 'The bytes of additional copies that fit on it'),
          }),
          { maxItems: 5, description: 'Peers that lack only space; most room first' },
        ),
        peersInAll: described(Count, 'The number of such peers'),
      },
      { description: 'Present if contents lack copies because these fit on no peer' },
    ),
  ),
  moving: Type.Optional(
    Type.Object(
      {
        zone: described(Count, 'Replicas that move to another zone'),
        balance: described(Count, 'Replicas that move to a less full peer'),
      },
      { description: 'Present while replicas move: a copy is made first, then one is dropped' },
    ),
  ),
  rebalance: Type.Optional(
    described(RebalanceProgress, 'The progress of a rebalance, while it runs'),
  ),
}
