/** Schemas of sizes and rates in settings. Separate, because commands load byte-size.ts without the schema library. */
import Type from 'typebox'
import { byteRateOf, byteRateRule } from './byte-rate.ts'
import { byteSizeOf, byteSizeRule } from './byte-size.ts'

/** Parsed by {@link byteSizeOf}. */
export const ByteSizeText = Type.Refine(
  Type.Unsafe<number | string>({}),
  (value) => byteSizeOf(value) !== undefined,
  () => byteSizeRule,
)

/** Parsed by {@link byteRateOf}. */
export const ByteRateText = Type.Refine(
  Type.Unsafe<number | string>({}),
  (value) => byteRateOf(value) !== undefined,
  () => byteRateRule,
)
