/** Shapes of the state of the cluster and of the peer that answers. */
import Type, { type Static } from 'typebox'
import { messages } from '../../common/protocol/messages.ts'
import { MeshCounts } from './mesh-shapes.ts'

const KeptFolder = Type.Object({
  /** Below the peer's data folder. */
  folder: Type.String(),
  /** As in "shared {reason}". */
  reason: Type.String(),
  /** Entries kept without their files. */
  files: Type.Integer(),
})
export const KeptFolders = Type.Object({ keptFolders: Type.Array(KeptFolder) })
/** Folders of this peer that are unusable or lost their files, so that none of these count as deleted. */
export type KeptFolders = Static<typeof KeptFolders>

export const Status = Type.Object({
  ...messages.status.reply.properties,
  /** The peer that answers. */
  peer: Type.Object({
    peerId: Type.String(),
    /** Present if other machines reach it without TLS. */
    isInsecure: Type.Optional(Type.Literal(true)),
    /** Number of its files and folders that are not shared; `problems` lists them. */
    problems: Type.Integer(),
    /** Why other peers cannot connect to it, if so; its copies do not count then. */
    unreachable: Type.Optional(
      Type.Object({ address: Type.String(), reason: Type.String(), remedy: Type.String() }),
    ),
    /** The index cannot be reached, if so, and what peers told each other answers for it. */
    indexAway: Type.Optional(
      Type.Object({
        address: Type.String(),
        awayMs: Type.Integer({ description: '0 when it is back but not used again yet.' }),
        isActing: Type.Boolean({
          description: 'Whether the peers make and drop copies themselves.',
        }),
      }),
    ),
    ...KeptFolders.properties,
    /** The members of its mesh, if it takes part in one. */
    mesh: Type.Optional(MeshCounts),
    /** Followed files that could not be fetched, if so: their number, and why. */
    following: Type.Optional(Type.Object({ failed: Type.Integer(), reason: Type.String() })),
    /** What it gives to the cluster, if limited. */
    capacity: Type.Optional(Type.Object({ bytes: Type.Integer(), usedBytes: Type.Integer() })),
    /** How current the peer's view of its folders is. */
    view: Type.Object({
      /** Time since the last full scan began: the greatest age of an unnoticed change. */
      scannedMsAgo: Type.Integer(),
      /** Files and folders in shared/ that are ignored on purpose, as of the last full scan. */
      ignored: Type.Integer(),
      /** Time between scans; grows with the cost of a scan. */
      scanEveryMs: Type.Integer(),
      /** Why the system does not report all changes, if so. */
      watchProblem: Type.Optional(Type.String()),
    }),
  }),
})
export type Status = Static<typeof Status>

const Summary = Type.Object({
  count: Type.Integer(),
  mean: Type.Number(),
  stdev: Type.Number(),
  min: Type.Number(),
  max: Type.Number(),
})
/** Summary of measurements; all 0 if `count` is 0. `stdev` is that of the sample (n - 1). */
export type Summary = Static<typeof Summary>

export const Stats = Type.Object({
  peerId: Type.String(),
  uptimeSeconds: Type.Number(),
  /** Duration of lookups and searches at the index. */
  searchSeconds: Summary,
  /** Rate of each finished download from the network. */
  downloadBytesPerSecond: Summary,
  /** All downloaded bytes divided by all time spent downloading. */
  throughputBytesPerSecond: Type.Number(),
  sentBytes: Type.Integer(),
  receivedBytes: Type.Integer(),
  files: Type.Object({
    shared: Type.Integer(),
    downloaded: Type.Integer(),
    replicated: Type.Integer(),
  }),
})
export type Stats = Static<typeof Stats>
