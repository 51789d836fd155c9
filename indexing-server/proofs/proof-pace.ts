/** When which contents are challenged: policy, without state. */

const dayMs = 86_400_000
/** A walk makes a step this often, if there is so much to walk over. */
const stepMsMin = 10_000
/** Contents per step: those that the index reads per turn of its event loop. */
const perStepMax = 500

/** Holders that are challenged daily, if there are no more and copies are missing. */
export const fewCopies = 2

export interface ProofPace {
  /** A copy is challenged in one of so many walks over all contents. */
  readonly rounds: number
  readonly stepMs: number
  /** Contents per step, 1 or more. */
  readonly perStep: number
}

/** Walks over all contents once a day, or more often if the interval is shorter, in even steps. */
export function paceOf({
  intervalMs,
  contents,
}: {
  readonly intervalMs: number
  readonly contents: number
}): ProofPace {
  const rounds = Math.max(1, Math.round(intervalMs / dayMs))
  const walkMs = intervalMs / rounds
  const count = Math.max(1, contents)
  const perStep = Math.min(perStepMax, Math.max(1, Math.round((count * stepMsMin) / walkMs)))
  return { rounds, perStep, stepMs: (walkMs * perStep) / count }
}

export interface ProofFacts {
  readonly contentId: number
  /** Live peers with a copy that counts. */
  readonly copies: number
  readonly factor: number
}

/** Whether a content is challenged in this walk: every day if it could soon be lost. */
export function isDue(
  { contentId, copies, factor }: ProofFacts,
  { round, rounds }: { readonly round: number; readonly rounds: number },
): boolean {
  if (copies < factor && copies <= fewCopies) return true
  return contentId % rounds === round % rounds
}

/** In a small part of the challenges the chunk must be shown, so that peers that agree on wrong bytes are found. */
const shownShare = 1 / 64
/** Nothing can be compared with the proof of the only holder. */
const shownShareOfOnly = 1 / 8
/** Larger chunks, of contents of more than 64 GiB, are shown only if proofs differ. */
export const shownBytesMax = 4 * 1_024 * 1_024

/** @param fraction random, from 0, below 1 */
export function isShown(
  { provers, chunkBytes }: { readonly provers: number; readonly chunkBytes: number },
  fraction: number,
): boolean {
  return chunkBytes <= shownBytesMax && fraction < (provers === 1 ? shownShareOfOnly : shownShare)
}
