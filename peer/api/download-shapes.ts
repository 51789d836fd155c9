/** Shapes of the calls about downloads. */
import Type, { type Static } from 'typebox'
import type { ErrorCode } from '../../common/error-table.ts'
import { Sha256 } from './call-parts.ts'

export const ApiError = Type.Object({
  code: Type.String(),
  message: Type.String(),
  retryable: Type.Boolean(),
  details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
})
/** The error of something that ended or failed on its own, such as a download. */
export type ApiError = Static<typeof ApiError> & { code: ErrorCode | (string & {}) }

export const Downloaded = Type.Object({
  name: Type.String(),
  /** Path on the peer's machine. */
  path: Type.String(),
  bytes: Type.Integer(),
  /** Those of them that were copied from other files of this peer instead of being received. */
  reusedBytes: Type.Integer(),
  seconds: Type.Number(),
  sha256: Sha256,
  /** Empty if this peer already had the content. */
  sources: Type.Array(
    Type.Object({ peerId: Type.String(), host: Type.String(), port: Type.Integer() }),
  ),
})
export type Downloaded = Static<typeof Downloaded>

export const DownloadedFiles = Type.Object({
  /** Number of matches so far, and whether the list is complete. */
  total: Type.Integer(),
  isListed: Type.Boolean(),
  /** Complete files in their final place. */
  done: Type.Integer(),
  failed: Type.Integer(),
  /** The first failures. */
  failures: Type.Array(Type.Object({ name: Type.String(), error: ApiError })),
  /** The folder that the names are relative to, on the peer's machine. */
  folder: Type.String(),
  /** Time since this run began. */
  seconds: Type.Number(),
})
export type DownloadedFiles = Static<typeof DownloadedFiles>

export const StartedBy = Type.Union([Type.Literal('follow'), Type.Literal('auto-fetch')])
/** What made the peer download a file by itself. */
export type StartedBy = Static<typeof StartedBy>

export const Download = Type.Object({
  id: Type.String(),
  /** Name of the file, or the requested pattern or folder. */
  name: Type.String(),
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('running'),
    Type.Literal('paused'),
    Type.Literal('done'),
    Type.Literal('failed'),
  ]),
  /** Verified bytes so far, of `size` (0 until the content is known). */
  bytes: Type.Integer(),
  size: Type.Integer(),
  /** Those of `bytes` that were copied from other files of this peer instead of being received. */
  reusedBytes: Type.Integer(),
  /** Average of the last seconds. */
  bytesPerSecond: Type.Number(),
  /** Active sources, with bytes received and current rate. */
  sources: Type.Array(
    Type.Object({
      peerId: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      bytes: Type.Integer(),
      bytesPerSecond: Type.Number(),
    }),
  ),
  /** Present if no user started it: it yields to downloads of users. */
  startedBy: Type.Optional(StartedBy),
  /** Why no source is available, if a running download waits for one. */
  waitingFor: Type.Optional(Type.String()),
  /** Present for many files: `bytes` and `size` are totals, and there is no `result`. */
  files: Type.Optional(DownloadedFiles),
  result: Type.Optional(Downloaded),
  error: Type.Optional(ApiError),
})
export type Download = Static<typeof Download>

export const DownloadRequest = Type.Object(
  {
    name: Type.String({
      description: 'Name of a file, or of a folder if no file has this name; or a pattern',
    }),
    pattern: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether `name` is a glob over full names, or a folder',
      }),
    ),
    sha256: Type.Optional(Sha256),
    wait: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether to wait instead of failing if no source is available',
      }),
    ),
  },
  { additionalProperties: false },
)
export type DownloadRequest = Static<typeof DownloadRequest>
