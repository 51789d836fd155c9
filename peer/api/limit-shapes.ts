/** Shapes of the calls about limits. */
import Type, { type Static, type TInteger, type TSchema } from 'typebox'
import { limits } from '../../common/limits.ts'
import { eachLimit, type LimitKey, type LimitValue } from './limit-table.ts'

const Rate = Type.Union([
  Type.Integer({ minimum: limits.rateBytesPerSecondMin }),
  Type.Literal('unlimited'),
])
const Size = Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('unlimited')])
type LimitSchemas = {
  readonly [Key in LimitKey]: LimitValue<Key> extends number ? TInteger : typeof Rate
}
/** Valid values of each limit. */
export const limitSchemas = eachLimit(({ unit, max = 0 }) => {
  if (unit === 'size') return Size
  return unit === 'rate' ? Rate : Type.Integer({ minimum: 1, maximum: max })
}) as LimitSchemas
export const LimitValues = Type.Object(limitSchemas)
export type LimitValues = { readonly [Key in LimitKey]: LimitValue<Key> }

const effective = <T extends TSchema>(value: T) =>
  Type.Object({
    value,
    from: Type.Union([Type.Literal('setting'), Type.Literal('schedule'), Type.Literal('hand')]),
    /** File, variable, flag or `default` of a setting; rule of the schedule; absent if set manually. */
    origin: Type.Optional(Type.String()),
  })
export const Limits = Type.Object({
  limits: Type.Object(
    eachLimit((_, key) => effective(limitSchemas[key])) as {
      [Key in LimitKey]: ReturnType<typeof effective<LimitSchemas[Key]>>
    },
  ),
  /** The next change by the schedule, if any; in milliseconds since 1970. */
  nextChange: Type.Optional(
    Type.Object({ atMs: Type.Integer(), limits: Type.Partial(LimitValues) }),
  ),
})
/** The limits in force, each with its origin. */
export type Limits = Static<typeof Limits>

const orNull = <T extends TSchema>(value: T) => Type.Optional(Type.Union([value, Type.Null()]))
export const LimitsChange = Type.Object(
  eachLimit((_, key) => orNull(limitSchemas[key])) as {
    [Key in LimitKey]: ReturnType<typeof orNull<LimitSchemas[Key]>>
  },
  {
    additionalProperties: false,
    description: 'Limits to set manually; null resets one to settings and schedule.',
  },
)
export type LimitsChange = Static<typeof LimitsChange>
