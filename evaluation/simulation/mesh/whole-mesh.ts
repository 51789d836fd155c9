import { scriptOf } from '../draw-script.ts'
import type { Deed, Script } from '../script.ts'

/** There is no index that could crash, and decisions are not made on both sides of a partition. */
const excluded: ReadonlySet<Deed['do']> = new Set([
  'crash-index',
  'drain',
  'empty-trash',
  'forget',
  'maintain',
  'rebalance',
  'replicate',
  'restore',
])

/** What the seed does to a cluster, done to a mesh: whole peers, each with its files and its own index. */
export function wholeMeshScriptOf(seed: number, hours?: number): Script {
  const { actions, ...script } = scriptOf(seed, hours)
  return { ...script, isMesh: true, actions: actions.filter((action) => !excluded.has(action.do)) }
}
