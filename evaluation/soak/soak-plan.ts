import type { Random } from '../../common/random.ts'

/** The soak's actions, with their relative frequency. */
const weights = {
  push: 24,
  edit: 16,
  rename: 8,
  'rename-folder': 2,
  delete: 5,
  download: 24,
  'download-folder': 3,
  'kill-peer': 4,
  'kill-index': 2,
  'restart-peer': 2,
  'restart-index': 1,
  'take-folder-away': 3,
} as const

export type ActionKind = keyof typeof weights

/** Chooses the next action by weight. */
export function nextAction(random: Random): ActionKind {
  const kinds = Object.keys(weights) as ActionKind[]
  const total = kinds.reduce((sum, kind) => sum + weights[kind], 0)
  let left = random.fraction() * total
  return kinds.find((kind) => (left -= weights[kind]) < 0) ?? 'push'
}

/** Realistic sizes: most files are small, a few have many chunks. 0 is one of them. */
export function nextSize(random: Random): number {
  const [share, part] = [random.fraction(), random.fraction()]
  if (share < 0.05) return 0
  if (share < 0.75) return Math.floor(part * 16_384)
  if (share < 0.95) return Math.floor(part * 1_500_000)
  return Math.floor(part * 12_000_000)
}

/** How long something stays away: mostly briefly, sometimes longer than `deadAfterMs`. */
export function nextAbsenceMs(random: Random, deadAfterMs: number): number {
  const longest = random.fraction() < 0.7 ? 0.5 * deadAfterMs : 3 * deadAfterMs
  return Math.floor(random.fraction() * longest)
}
