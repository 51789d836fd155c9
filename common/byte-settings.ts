/** Schemas of sizes and rates in settings. Separate, because commands load byte-size.ts without the schema library. */
import Type from 'typebox'
import { byteRateOf, byteRateRule } from './byte-rate.ts'
import { byteLimitOf, byteLimitRule } from './byte-size.ts'

/** Parsed by {@link byteLimitOf}. */
export const ByteLimitText = Type.Refine(
  Type.Unsafe<number | string>({}),
  (value) => byteLimitOf(value) !== undefined,
  () => byteLimitRule,
)

/** Parsed by {@link byteRateOf}. */
export const ByteRateText = Type.Refine(
  Type.Unsafe<number | string>({}),
  (value) => byteRateOf(value) !== undefined,
  () => byteRateRule,
)
