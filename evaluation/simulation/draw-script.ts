/** Draws the script of a seed. */
import { type Random, seededRandom } from '../../common/random.ts'
import type { Action, Deed, DrawnContent, Script } from './script.ts'

const minuteMs = 60_000
const mebibyte = 1024 * 1024
/** Several chunks, so that fetches use several sources and resume. */
const largeBytes = [mebibyte + 1, 2 * mebibyte + 12_345] as const

/** Draws one thing after another from a random source. */
class Draw {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  chance(probability: number): boolean {
    return this.#random.fraction() < probability
  }

  /** From 0, exclusive of `end`. */
  number(end: number): number {
    return Math.floor(this.#random.fraction() * end)
  }

  between(least: number, most: number): number {
    return Math.round(least + this.#random.fraction() * (most - least))
  }

  of<T>(items: readonly [T, ...T[]]): T {
    return items[this.number(items.length)] ?? items[0]
  }

  /** Short ones are as likely as long ones. */
  duration(leastMs: number, mostMs: number): number {
    return Math.round(leastMs * (mostMs / leastMs) ** this.#random.fraction())
  }
}

interface Surroundings {
  readonly peers: number
  readonly name: () => string
}

interface Kind {
  readonly weight: number
  readonly draw: (draw: Draw, cluster: Surroundings) => Deed
}

/** Few enough contents that two files sometimes have the same, and large ones chunks in common. */
function contentOf(draw: Draw): DrawnContent {
  if (!draw.chance(0.08)) return { number: draw.number(200), bytes: draw.between(0, 4_000) }
  const large = { number: draw.number(2), bytes: draw.of(largeBytes) }
  return draw.chance(0.5) ? { ...large, editedChunk: draw.number(2) } : large
}

/** What happens, and how often. */
const kinds: readonly Kind[] = [
  {
    weight: 30,
    draw: (draw, { peers, name }) => ({
      do: 'write',
      peer: draw.number(peers),
      name: name(),
      content: contentOf(draw),
    }),
  },
  {
    weight: 8,
    draw: (draw, { peers, name }) => ({
      do: 'push',
      peer: draw.number(peers),
      name: name(),
      content: contentOf(draw),
    }),
  },
  {
    weight: 4,
    draw: (draw, { peers, name }) => ({ do: 'unshare', peer: draw.number(peers), name: name() }),
  },
  {
    weight: 8,
    draw: (draw, { peers, name }) => ({
      do: 'move',
      peer: draw.number(peers),
      name: name(),
      ...(draw.chance(0.5) && { to: name() }),
    }),
  },
  {
    weight: 8,
    draw: (draw, { peers, name }) => ({ do: 'download', peer: draw.number(peers), name: name() }),
  },
  {
    weight: 3,
    draw: (draw, { peers }) => ({
      do: draw.of(['drain', 'maintain']),
      peer: draw.number(peers),
      target: draw.number(peers),
      forMs: draw.duration(minuteMs, 20 * minuteMs),
    }),
  },
  {
    weight: 4,
    draw: (draw, { peers, name }) => ({
      do: 'replicate',
      peer: draw.number(peers),
      pattern: draw.chance(0.3) ? name() : draw.of(['a', 'b/**', 'c/*/*', '**/1*']),
      ...(draw.chance(0.75) && { factor: draw.between(1, 4) }),
    }),
  },
  {
    weight: 4,
    draw: (draw, { peers, name }) => ({ do: 'restore', peer: draw.number(peers), name: name() }),
  },
  {
    weight: 1,
    draw: (draw, { peers, name }) => ({
      do: 'empty-trash',
      peer: draw.number(peers),
      pattern: draw.chance(0.5) ? name() : '**',
      isForced: draw.chance(0.5),
    }),
  },
  {
    weight: 2,
    draw: (draw, { peers }) => ({
      do: 'forget',
      peer: draw.number(peers),
      target: draw.number(peers),
      isForced: draw.chance(0.5),
    }),
  },
  {
    weight: 2,
    draw: (draw, { peers }) => ({
      do: 'rebalance',
      peer: draw.number(peers),
      action: draw.of(['start', 'start', 'stop']),
    }),
  },
  {
    weight: 12,
    draw: (draw, { peers }) => ({
      do: 'crash',
      peer: draw.number(peers),
      forMs: draw.duration(1_000, 20 * minuteMs),
      isDiskLost: draw.chance(0.2),
      awaits: draw.number(60),
    }),
  },
  {
    weight: 4,
    draw: (draw, { peers }) => ({
      do: 'stop',
      peer: draw.number(peers),
      forMs: draw.duration(1_000, 10 * minuteMs),
    }),
  },
  {
    weight: 5,
    draw: (draw) => ({
      do: 'crash-index',
      forMs: draw.duration(500, 3 * minuteMs),
      isDiskLost: draw.chance(0.4),
      awaits: draw.number(120),
    }),
  },
  {
    weight: 6,
    draw: (draw, { peers }) => {
      const hosts = Array.from({ length: peers + 1 }, (_, place) => place - 1)
      const from = hosts.filter(() => draw.chance(0.4))
      return {
        do: 'cut',
        from,
        to: hosts.filter((host) => !from.includes(host)),
        isOneWay: draw.chance(0.4),
        forMs: draw.duration(1_000, 10 * minuteMs),
      }
    },
  },
  {
    weight: 6,
    draw: (draw, { peers }) => ({
      do: 'reset',
      peer: draw.number(peers),
      other: draw.number(peers + 1) - 1,
    }),
  },
  {
    weight: 4,
    draw: (draw, { peers }) => ({
      do: 'slow',
      peer: draw.number(peers),
      bytesPerMs: draw.duration(1, 1_000),
      delayMs: draw.duration(1, 2_000),
      forMs: draw.duration(5_000, 10 * minuteMs),
    }),
  },
  {
    weight: 3,
    draw: (draw, { peers }) => ({
      do: 'fill',
      peers: draw.chance(0.5)
        ? [draw.number(peers)]
        : Array.from({ length: peers }, (_, place) => place).filter(() => draw.chance(0.7)),
      forMs: draw.duration(minuteMs, 20 * minuteMs),
    }),
  },
  {
    weight: 2,
    draw: (draw, { peers }) => ({
      do: 'lie',
      peer: draw.number(peers),
      forMs: draw.duration(10_000, 10 * minuteMs),
    }),
  },
  {
    weight: 5,
    draw: (draw, { peers }) => ({
      do: 'flip',
      peer: draw.number(peers),
      file: draw.number(1_000),
    }),
  },
  {
    weight: 5,
    draw: (draw, { peers }) => ({
      do: 'remove',
      peer: draw.number(peers),
      file: draw.number(1_000),
    }),
  },
  {
    weight: 2,
    draw: (draw, { peers }) => ({
      do: 'vanish',
      peer: draw.number(peers),
      awaits: draw.number(60),
    }),
  },
  {
    weight: 2,
    draw: (draw, { peers }) => {
      const peer = draw.number(peers + 1) - 1
      const isBack = draw.chance(0.5)
      // What the index keeps for a time is kept for longer when its clock goes back.
      const longestMs = peer === -1 && isBack ? 2 * 60 * minuteMs : 48 * 60 * minuteMs
      return { do: 'jump', peer, byMs: (isBack ? -1 : 1) * draw.duration(1_000, longestMs) }
    },
  },
]

/** The script of a seed: a cluster, and `hours` of its life. */
export function scriptOf(seed: number, hours?: number): Script {
  const draw = new Draw(seededRandom(`script ${seed}`))
  const peers = draw.between(3, 6)
  const hasZones = draw.chance(0.3)
  const hasSmallDisks = draw.chance(0.3)
  const lastMs = (hours ?? draw.of([0.1, 0.2, 0.5, 1])) * 60 * minuteMs
  const count = draw.between(5, 20 + Math.round(lastMs / (5 * minuteMs)))
  const names = draw.between(4, 30)
  const name = (): string => `${draw.of(['a', 'b', 'c/d'])}/${draw.number(names)}`
  const weights = kinds.reduce((sum, { weight }) => sum + weight, 0)
  let atMs = 10_000
  const drawn = Array.from({ length: count }, (): Action => {
    let left = draw.number(weights)
    const kind = kinds.find(({ weight }) => (left -= weight) < 0) ?? (kinds[0] as Kind)
    // Half of what happens soon follows something else.
    atMs = draw.chance(0.5) ? atMs + draw.duration(1, 5_000) : 10_000 + draw.number(lastMs)
    return { atMs, ...kind.draw(draw, { peers, name }) }
  })
  const first = Array.from(
    { length: draw.between(2, 12) },
    (): Action => ({
      atMs: draw.number(5_000),
      do: 'write',
      peer: draw.number(peers),
      name: name(),
      content: contentOf(draw),
    }),
  )
  return {
    seed,
    peers: Array.from({ length: peers }, (_, place) => ({
      ...(hasZones && { zone: `zone${place % 3}` }),
      diskBytes: (hasSmallDisks ? draw.between(24, 96) : 256) * mebibyte,
    })),
    settings: { replicationFactor: peers > 4 && draw.chance(0.3) ? 3 : 2 },
    actions: [...first, ...drawn].toSorted((a, b) => a.atMs - b.atMs),
  }
}
