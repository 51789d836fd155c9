import Type, { type Static } from 'typebox'
import { LimitValues } from '../api/limit-shapes.ts'

/** The limits set manually, as the peer remembers them between two runs. */
export const RememberedLimits = Type.Partial(LimitValues)
export type RememberedLimits = Static<typeof RememberedLimits>
