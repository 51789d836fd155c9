/** Shapes of what is not shared, and why. */
import Type, { type Static } from 'typebox'
import { next } from './call-parts.ts'

export const Problem = Type.Object({
  code: Type.String(),
  /** Below the folder; bytes that are not UTF-8 are `\xNN`. Empty for the folder itself. */
  name: Type.String(),
  folder: Type.Union([
    Type.Literal('shared'),
    Type.Literal('downloaded'),
    Type.Literal('replicated'),
  ]),
  /** On the peer's machine. */
  path: Type.String(),
  /** Why it is not shared, without a full stop. */
  reason: Type.String(),
  /** What to do. */
  remedy: Type.String(),
})
/** A file or folder that is not shared. */
export type Problem = Static<typeof Problem>
export const Problems = Type.Object({
  total: Type.Integer({
    description: 'Number of all problems. Not all are listed if they are many.',
  }),
  problems: Type.Array(Problem, { description: 'By path.' }),
  next,
})
export type Problems = Static<typeof Problems>
