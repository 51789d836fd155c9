/** Messages between the members of a mesh: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { described, Epoch, Host, IdentityHash, PeerId, Port, Sequence, Zone } from './fields.ts'
import { IntentState } from './intent-messages.ts'
import type { MessageRow } from './message-row.ts'
import { Announcement, Continues, HttpServer } from './registration-shapes.ts'
import { rights } from './rights.ts'
import { CapacityBytes, DiskBytes, FreeBytes } from './shapes.ts'

const Generation = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description:
    'The run of the member: when it began, in milliseconds since 1970, or more if an earlier run was ahead',
})
const Version = described(Sequence, 'Increases with each change of the record in a generation')

export const MemberRecord = Type.Object({
  peerId: PeerId,
  generation: Generation,
  version: Version,
  host: Host,
  port: Port,
  zone: Type.Optional(Zone),
  http: Type.Optional(HttpServer),
  epoch: Epoch,
  continues: Type.Optional(Continues),
  lastSeq: described(Sequence, 'The last change of its catalog'),
  freeBytes: FreeBytes,
  diskBytes: Type.Optional(DiskBytes),
  capacityBytes: Type.Optional(CapacityBytes),
  intent: Type.Optional(
    described(IntentState, 'The decisions that its index has made or received, which it passes on'),
  ),
  index: Type.Optional(
    Type.Union([Type.Literal('reached'), Type.Literal('away')], {
      description:
        'Whether it reaches the index that it registers at; absent: it has none. While some member reaches an index, members that do not reach it make no copies on their own',
    }),
  ),
  programs: Type.Optional(
    Type.Literal(true, {
      description:
        'Present if programs, whose files are in no catalog, take part through it over HTTP',
    }),
  ),
  identity: Type.Optional(
    described(IdentityHash, 'A hash of the secret that the peer generated for its id'),
  ),
})
/** What a member says of itself. Only itself increases generation and version. */
export type MemberRecord = Static<typeof MemberRecord>

const GoneState = Type.Union([Type.Literal('suspect'), Type.Literal('dead'), Type.Literal('left')])
const State = Type.Optional(
  described(
    GoneState,
    'Absent: live. Suspect: neither the sender nor others could reach it. Dead: suspect for too long. Left: it said so itself',
  ),
)

export const MemberClaim = Type.Object({
  record: MemberRecord,
  state: State,
  forGood: Type.Optional(
    Type.Literal(true, { description: 'Present if it left and will not return' }),
  ),
})
/** What one member says of another, or of itself. */
export type MemberClaim = Static<typeof MemberClaim>

export const DigestRow = Type.Object({
  peerId: PeerId,
  generation: Generation,
  version: Version,
  state: State,
})
/** The newest record of a member that is known, without its contents. */
export type DigestRow = Static<typeof DigestRow>

const Hash = Type.String({
  pattern: '^[0-9a-f]{16}$',
  description:
    'A hash of all live members with their versions: the exclusive or of the first 8 bytes of the SHA-256 of `ID GENERATION VERSION`, each half little-endian',
})
const News = described(
  Type.Optional(Type.Array(MemberClaim, { maxItems: limits.meshNewsMax })),
  'Members that have changed recently, those told least often first',
)

export const meshMessages = {
  gossip: {
    summary:
      'Tells another member of a mesh what has changed, and shows that both are alive. If the hashes still differ afterwards, one of them lacks something.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({
      hash: Hash,
      news: News,
      wanted: Type.Optional(
        Type.Array(PeerId, {
          maxItems: limits.meshRecordsMax - limits.meshNewsMax,
          description: 'Members whose records the sender lacks',
        }),
      ),
    }),
    reply: Type.Object({
      hash: Hash,
      news: Type.Optional(
        Type.Array(MemberClaim, {
          maxItems: limits.meshRecordsMax,
          description: 'The wanted records, and members that have changed recently',
        }),
      ),
    }),
    bulk: false,
  },
  'mesh-join': {
    summary: 'Joins the mesh of the receiver.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({ record: described(MemberRecord, 'The sender') }),
    reply: Type.Object({
      members: Type.Array(MemberClaim, {
        minItems: 1,
        maxItems: limits.meshRecordsMax,
        description: 'The receiver first, then other members; digests yield the rest',
      }),
    }),
    bulk: false,
  },
  'mesh-digest': {
    summary:
      'Requests the versions that the receiver knows, for those groups of members in which the two differ.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({
      buckets: Type.String({
        pattern: `^[0-9a-f]{${8 * limits.meshBuckets}}$`,
        description: `The hashes of the ${limits.meshBuckets} groups of members, 8 digits each; a member is in the group of the first byte of its id’s SHA-256, modulo ${limits.meshBuckets}`,
      }),
    }),
    reply: Type.Object({
      groups: Type.Array(Type.Integer({ minimum: 0, maximum: limits.meshBuckets - 1 }), {
        maxItems: limits.meshBuckets,
        description: 'The groups in which both differ',
      }),
      rows: Type.Array(DigestRow, {
        maxItems: limits.meshMembersMax,
        description: 'All members of these groups that the receiver knows',
      }),
    }),
    bulk: false,
  },
  'mesh-changes': {
    summary:
      'Requests changes of a member’s catalog, from itself or from any other member that has them.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    isReplyLong: true,
    request: Type.Object({
      peerId: PeerId,
      epoch: Epoch,
      after: described(Sequence, 'The last change that the sender has; 0 for none'),
      isInventory: Type.Optional(
        Type.Literal(true, {
          description: 'The sender has begun a full inventory, and needs the rest',
        }),
      ),
    }),
    reply: Type.Object({
      member: Type.Optional(described(MemberClaim, 'The member as the receiver knows it')),
      announcement: Type.Optional(
        described(Announcement, 'The next changes; absent if the receiver does not have them'),
      ),
    }),
    bulk: false,
  },
  'probe-for': {
    summary: 'Asks the receiver whether it can reach a member that the sender cannot reach.',
    from: ['peer'],
    to: ['peer'],
    by: rights.sharing,
    request: Type.Object({ peerId: PeerId }),
    reply: Type.Object({
      isLive: Type.Boolean({ description: 'Whether the member answered' }),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>

export type MeshMessage = keyof typeof meshMessages
