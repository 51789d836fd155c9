/** Shapes of the calls about peers, events, and the number and place of copies. */
import Type, { type Static } from 'typebox'
import { messages } from '../../common/protocol/messages.ts'
import { PeerSafety } from '../../common/protocol/plan-shapes.ts'

export const Peers = messages.peers.reply.properties.peers
export type Peers = Static<typeof Peers>
export const ResumedReplication = messages['resume-replication'].reply
export type ResumedReplication = Static<typeof ResumedReplication>

export const Safety = Type.Object({ peerId: Type.String(), ...PeerSafety.properties })
/** The wanted files that a peer holds, and those of them that other peers lack. */
export type Safety = Static<typeof Safety>
export const Undrained = Type.Object({
  peerId: Type.String(),
  ...messages.undrain.reply.properties,
})
export const EndedMaintenance = Type.Object({
  peerId: Type.String(),
  ...messages.maintain.reply.properties,
})
const Event = messages.events.reply.properties.events.items
export const EventPage = Type.Object({
  ...messages.events.reply.properties,
  events: Type.Array(
    Type.Object({
      ...Event.properties,
      /** One line for people. */
      text: Type.String(),
    }),
  ),
})
export type EventPage = Static<typeof EventPage>
export const Rebalance = messages.rebalance.reply
/** A rebalance of the cluster, with its plan if that was asked for. */
export type Rebalance = Static<typeof Rebalance>

export const ReplicationRules = messages['replication-rules'].reply
export type ReplicationRules = Static<typeof ReplicationRules>
export const ReplicationOf = messages['replication-of'].reply
export type ReplicationOf = Static<typeof ReplicationOf>
