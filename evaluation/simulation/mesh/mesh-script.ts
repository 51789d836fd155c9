import { type Random, seededRandom, shuffled } from '../../../common/random.ts'

/** What happens to a mesh. Members are numbered from 0, the well-known host. */
export type MeshDeed =
  | { readonly what: 'start'; readonly member: number; readonly hasDisk: boolean }
  | { readonly what: 'crash'; readonly member: number }
  | { readonly what: 'stop'; readonly member: number }
  | { readonly what: 'add-files'; readonly member: number; readonly count: number }
  | { readonly what: 'jump-clock'; readonly member: number; readonly byMs: number }
  /** Nothing passes between these members and the others; only from them, if it is one-way. */
  | { readonly what: 'partition'; readonly members: readonly number[]; readonly isOneWay: boolean }
  /** Nothing passes from one member to another. */
  | { readonly what: 'cut-link'; readonly from: number; readonly to: number }
  | { readonly what: 'lose-messages'; readonly share: number }
  | { readonly what: 'heal' }

export interface MeshScript {
  readonly seed: number
  readonly count: number
  /** In order of time. */
  readonly deeds: readonly { readonly atMs: number; readonly deed: MeshDeed }[]
  /** When faults end, in milliseconds. */
  readonly endMs: number
}

/** The script of a seed: 5 to 100 members, most of them few, and faults for up to half an hour. */
export function meshScriptOf(seed: number): MeshScript {
  const random = seededRandom(`mesh ${seed}`)
  const count = Math.round(5 * 20 ** (random.fraction() ** 2))
  const starts = Array.from({ length: count }, (_, member) => ({
    atMs: Math.floor(random.fraction() * 20_000),
    deed: { what: 'start', member, hasDisk: true } as MeshDeed,
  }))
  const endMs = Math.floor(30_000 * 60 ** (random.fraction() ** 1.5))
  const deedCount = Math.ceil((endMs / 15_000) * (0.5 + random.fraction())) + 4
  const deeds = Array.from({ length: deedCount }, () => ({
    atMs: Math.floor(5_000 + Math.sqrt(random.fraction()) * (endMs - 5_000)),
    deed: deedOf(count, random),
  }))
  return { seed, count, endMs, deeds: [...starts, ...deeds].toSorted((a, b) => a.atMs - b.atMs) }
}

function deedOf(count: number, random: Random): MeshDeed {
  const member = Math.floor(random.fraction() * count)
  const other = (member + 1 + Math.floor(random.fraction() * (count - 1))) % count
  const draw = Math.floor(random.fraction() * 12)
  if (draw < 3)
    return { what: 'add-files', member, count: 1 + Math.floor(120 * random.fraction() ** 3) }
  if (draw < 4) return { what: 'crash', member }
  if (draw < 6) return { what: 'start', member, hasDisk: random.fraction() < 0.8 }
  if (draw < 7) return { what: 'stop', member }
  if (draw < 8) return { what: 'jump-clock', member, byMs: jumpMs(random) }
  if (draw < 9)
    return { what: 'partition', members: sideOf(count, random), isOneWay: draw % 2 === 0 }
  if (draw < 10) return { what: 'cut-link', from: member, to: other }
  if (draw < 11) return { what: 'lose-messages', share: 0.4 * random.fraction() }
  return { what: 'heal' }
}

/** Up to half a day in either direction: of two clocks one is then at most a day ahead. */
function jumpMs(random: Random): number {
  return Math.floor((random.fraction() - 0.5) * 24 * 3_600_000)
}

function sideOf(count: number, random: Random): number[] {
  const all = Array.from({ length: count }, (_, member) => member)
  return shuffled(all, random).slice(0, 1 + Math.floor(random.fraction() * (count - 1)))
}
