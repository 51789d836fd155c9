/** Shapes of the calls about reading copies again and about repairing damaged files. */
import Type, { type Static } from 'typebox'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import { ApiError } from './download-shapes.ts'

const Sha256 = messages.accuse.request.properties.sha256
const Folder = Type.Union([
  Type.Literal('shared'),
  Type.Literal('downloaded'),
  Type.Literal('replicated'),
])
const WallMs = Type.Integer({ description: 'Milliseconds since 1970' })

const Damaged = Type.Object({
  name: Type.String(),
  folder: Folder,
  /** On the peer's machine. */
  path: Type.String(),
  sha256: Sha256,
  foundMs: WallMs,
  /** As in "it {reason}". */
  reason: Type.String(),
  chunks: Type.Integer(),
  badChunks: Type.Integer(),
})
/** A file of a user whose bytes on the disk are no longer its content. */
export type Damaged = Static<typeof Damaged>

export const Scrub = Type.Object({
  /** A pass is running, the next has a time, a user paused it, or the settings switch it off. */
  state: Type.Union([
    Type.Literal('running'),
    Type.Literal('waiting'),
    Type.Literal('paused'),
    Type.Literal('off'),
  ]),
  /** What a running pass waits for, if it does. */
  waitingFor: Type.Optional(Type.String()),
  isPaused: Type.Boolean(),
  /** How many days a pass should take; 0: none begins by itself. */
  days: Type.Integer(),
  /** The pass that is in progress, also while it is paused. */
  pass: Type.Optional(
    Type.Object({
      startedMs: WallMs,
      bytes: Type.Integer(),
      files: Type.Integer(),
      totalBytes: Type.Integer(),
      totalFiles: Type.Integer(),
      /** Damaged copies that it has found. */
      bad: Type.Integer(),
      /** Whether a user wants it as fast as it may be. */
      isHurried: Type.Boolean(),
      expectedEndMs: Type.Optional(WallMs),
    }),
  ),
  /** The last pass that ended. */
  last: Type.Optional(
    Type.Object({
      startedMs: WallMs,
      endedMs: WallMs,
      bytes: Type.Integer(),
      files: Type.Integer(),
      bad: Type.Integer(),
    }),
  ),
  nextMs: Type.Optional(WallMs),
  /** Number of damaged files; `damaged` has the first of them. */
  damagedFiles: Type.Integer(),
  damaged: Type.Array(Damaged),
})
export type Scrub = Static<typeof Scrub>

export const ScrubChange = Type.Object(
  { isPaused: Type.Boolean({ description: 'Whether passes wait until this is false again' }) },
  { additionalProperties: false },
)

export const CheckRequest = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'A name, a folder or a glob: copies of any kind are checked',
    }),
  },
  { additionalProperties: false },
)

export const CopyCheck = Type.Object({
  id: Type.String(),
  pattern: Type.String(),
  state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
  /** Copies and bytes read so far. */
  files: Type.Integer(),
  bytes: Type.Integer(),
  bad: Type.Integer(),
  /** Copies that cannot be read now. */
  unread: Type.Integer(),
  /** The first bad and unread ones. */
  listed: Type.Array(
    Type.Object({
      name: Type.String(),
      folder: Folder,
      owner: Type.Optional(Type.String()),
      verdict: Type.Union([Type.Literal('bad'), Type.Literal('away'), Type.Literal('refused')]),
    }),
  ),
  error: Type.Optional(ApiError),
})
export type CopyCheck = Static<typeof CopyCheck>

export const RepairRequest = Type.Object(
  {
    name: Type.String({ description: 'Full name of a damaged file' }),
    kind: Type.Optional(
      Type.Union([Type.Literal('shared'), Type.Literal('downloaded')], {
        default: 'shared',
        description: 'The folder with the file',
      }),
    ),
  },
  { additionalProperties: false },
)

export const Repair = Type.Object({
  id: Type.String(),
  name: Type.String(),
  kind: Folder,
  /** On the peer's machine. */
  path: Type.String(),
  sha256: Sha256,
  size: Type.Integer(),
  state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
  /** Verified so far. */
  bytes: Type.Integer(),
  error: Type.Optional(ApiError),
})
export type Repair = Static<typeof Repair>
