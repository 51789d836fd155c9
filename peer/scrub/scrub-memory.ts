import Type, { type Static } from 'typebox'

const Pass = Type.Object({
  startedMs: Type.Integer(),
  /** The last copy that was read, by its number in the catalog, and the one at which the pass ends. */
  afterSeq: Type.Integer(),
  lastSeq: Type.Integer(),
  /** Chunks of the next copy that were read, and its number. */
  chunks: Type.Integer(),
  chunksOf: Type.Optional(Type.Integer()),
  bytes: Type.Integer(),
  files: Type.Integer(),
  bad: Type.Integer(),
  /** Whether a user asked for it, to be read as fast as it may be. */
  isHurried: Type.Boolean(),
})
/** A pass over all copies in progress. */
export type ScrubPass = Static<typeof Pass>

const EndedPass = Type.Object({
  startedMs: Type.Integer(),
  endedMs: Type.Integer(),
  bytes: Type.Integer(),
  files: Type.Integer(),
  bad: Type.Integer(),
})

/** What a peer remembers of scrubbing between two runs. */
export const ScrubMemory = Type.Object({
  isPaused: Type.Boolean(),
  pass: Type.Optional(Pass),
  last: Type.Optional(EndedPass),
})
export type ScrubMemory = Static<typeof ScrubMemory>
