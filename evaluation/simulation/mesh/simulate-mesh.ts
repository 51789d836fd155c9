import { meshScriptOf } from './mesh-script.ts'
import { runMeshScript } from './run-mesh-script.ts'

/**
 * Runs the meshes of some seeds, one after the other, up to the first that fails.
 * @returns whether all passed
 */
export async function simulateMeshes(
  { seeds, isTraced }: { seeds: Iterable<number>; isTraced: boolean },
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const shares: number[] = []
  let simulatedMs = 0
  for (const seed of seeds) {
    if (signal.aborted) break
    const script = meshScriptOf(seed)
    const outcome = await runMeshScript(script, isTraced ? print : undefined)
    if (outcome.violations.length > 0) {
      print(`Seed ${seed} failed, with ${script.count} members:`)
      for (const violation of outcome.violations.slice(0, 20)) print(violation)
      print(`Replay it: npm run simulate -- --mesh --seed ${seed} --trace`)
      return false
    }
    shares.push((outcome.rounds ?? 0) / Math.log2(script.count))
    simulatedMs += outcome.simulatedMs
  }
  const sorted = shares.toSorted((a, b) => a - b)
  const share = (part: number): string =>
    (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1)
  print(
    `${shares.length} meshes passed: ${(simulatedMs / 3_600_000).toFixed(1)} hours. All members agreed within ${share(0.5)} rounds x log2(members) after the last fault in half of them, ${share(0.99)} in 99 %, ${share(1)} in all.`,
  )
  return true
}
