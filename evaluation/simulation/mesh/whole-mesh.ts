import { scriptOf } from '../draw-script.ts'
import type { Deed, Script } from '../script.ts'

/** Members whose clocks differ by over a day do not know each other. */
const jumpMsMax = 6 * 3_600_000

/** Without an index, decisions are not made on both sides of a partition. */
const excluded: ReadonlySet<Deed['do']> = new Set([
  'drain',
  'empty-trash',
  'forget',
  'maintain',
  'rebalance',
  'replicate',
  'restore',
])

/** What the seed does to a cluster, done to a mesh: whole peers, each with its files and its own index, with or without one of the cluster. */
export function wholeMeshScriptOf(
  seed: number,
  { hours, hasIndex = false }: { hours?: number | undefined; hasIndex?: boolean | undefined } = {},
): Script {
  const { actions, ...script } = scriptOf(seed, hours)
  const isExcluded = (deed: Deed): boolean =>
    (!hasIndex && excluded.has(deed.do)) ||
    (deed.do === 'crash-index' && !hasIndex) ||
    (hasIndex && deed.do === 'jump' && Math.abs(deed.byMs) > jumpMsMax)
  return {
    ...script,
    isMesh: true,
    hasIndex,
    actions: actions.filter((action) => !isExcluded(action)),
  }
}
