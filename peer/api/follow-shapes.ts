/** Shapes of the calls about followed files. */
import Type, { type Static } from 'typebox'
import { limits } from '../../common/limits.ts'
import { ApiError } from './download-shapes.ts'

export const FollowRequest = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'A glob over full names, a file, or a folder with everything in it',
    }),
    newest: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.followedNewestMax,
        description: 'Only that many files, the most recently modified ones. Default: all',
      }),
    ),
  },
  { additionalProperties: false },
)
export type FollowRequest = Static<typeof FollowRequest>

export const Followed = Type.Object({
  ...FollowRequest.properties,
  addedMs: Type.Integer({ description: 'In milliseconds since 1970.' }),
  /** Whether the counts are of all files; before the first comparison is complete they grow. */
  isListed: Type.Boolean(),
  /** Files that the pattern matches in the cluster. */
  files: Type.Integer(),
  /** Those that are in downloaded/ as they are in the cluster. */
  held: Type.Integer(),
  /** Those that are being fetched, or wait for it. */
  waiting: Type.Integer(),
  /** Those that are left as the user has them: changed, removed, or shared by this peer. */
  kept: Type.Integer(),
  /** Those that could not be fetched and are tried again later; `error` is that of one of them. */
  failed: Type.Integer(),
  error: Type.Optional(ApiError),
})
/** A pattern that this peer follows, and how far it is. */
export type Followed = Static<typeof Followed>
export const FollowedList = Type.Object({ followed: Type.Array(Followed) })
export type FollowedList = Static<typeof FollowedList>
