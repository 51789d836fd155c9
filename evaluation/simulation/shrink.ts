import { type Outcome, runScript } from './run-script.ts'
import type { Script } from './script.ts'

/** Runs that shrinking may take. */
const runsMax = 400

/**
 * The shortest script found that still fails in the same way: actions are left out, first many at a
 * time, then one by one.
 */
export async function shrunk(
  script: Script,
  failure: Outcome,
): Promise<{ script: Script; outcome: Outcome }> {
  const kind = kindOf(failure)
  let best = { script, outcome: failure }
  let runs = 0
  for (let size = script.actions.length >> 1; size >= 1; size = size === 1 ? 0 : (size + 1) >> 1) {
    for (let start = 0; start < best.script.actions.length && runs < runsMax; ) {
      const actions = best.script.actions.toSpliced(start, size)
      const smaller = { ...script, actions }
      const outcome = await runScript(smaller)
      runs += 1
      if (outcome.violations.length > 0 && kindOf(outcome) === kind)
        best = { script: smaller, outcome }
      else start += size
    }
  }
  return best
}

/** The first violation without the names, numbers and hashes in it. */
function kindOf({ violations: [first = ''] }: Outcome): string {
  return first.replaceAll(/\b(peer\d+|[0-9a-f]{8,}|\d+|\/?[\w]+(\/[\w]+)+)\b/g, '').slice(0, 60)
}
