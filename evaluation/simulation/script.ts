import { type Random, seededRandom } from '../../common/random.ts'
import type { IndexingServerSettings } from '../../indexing-server/indexing-server.ts'

/** What a user or a fault does; peers are numbered from 0. */
export type Deed =
  | {
      readonly do: 'write'
      readonly peer: number
      readonly name: string
      readonly content: DrawnContent
    }
  | {
      readonly do: 'push'
      readonly peer: number
      readonly name: string
      readonly content: DrawnContent
    }
  | { readonly do: 'unshare'; readonly peer: number; readonly name: string }
  | {
      /** Without a new name the file is deleted. */
      readonly do: 'move'
      readonly peer: number
      readonly name: string
      readonly to?: string
    }
  | { readonly do: 'download'; readonly peer: number; readonly name: string }
  | {
      /** A person has a peer drained for a while, or says that it will be silent. */
      readonly do: 'drain' | 'maintain'
      readonly peer: number
      readonly target: number
      readonly forMs: number
    }
  | {
      readonly do: 'crash'
      readonly peer: number
      readonly forMs: number
      readonly isDiskLost: boolean
      /** It ends this many awaits after its next packet. */
      readonly awaits: number
    }
  | { readonly do: 'stop'; readonly peer: number; readonly forMs: number }
  | {
      readonly do: 'crash-index'
      readonly forMs: number
      readonly isDiskLost: boolean
      readonly awaits: number
    }
  | {
      readonly do: 'cut'
      /** Hosts by number; the index is -1. */
      readonly from: readonly number[]
      readonly to: readonly number[]
      readonly isOneWay: boolean
      readonly forMs: number
    }
  | { readonly do: 'reset'; readonly peer: number; readonly other: number }
  | {
      readonly do: 'slow'
      readonly peer: number
      readonly bytesPerMs: number
      readonly delayMs: number
      readonly forMs: number
    }
  | { readonly do: 'fill'; readonly peer: number; readonly forMs: number }
  | { readonly do: 'lie'; readonly peer: number; readonly forMs: number }
  | {
      /** Removes a file from replicated/, chosen like this, without the peer's knowledge. */
      readonly do: 'remove'
      readonly peer: number
      readonly file: number
    }
  | {
      /** The machine never returns. */
      readonly do: 'vanish'
      readonly peer: number
      readonly awaits: number
    }
  | {
      /** A bit of a file, chosen by the number among those on the disk. */
      readonly do: 'flip'
      readonly peer: number
      readonly file: number
    }
  | { readonly do: 'jump'; readonly peer: number; readonly byMs: number }

export type Action = Deed & { readonly atMs: number }

/** The bytes are drawn from the number. */
export interface DrawnContent {
  readonly number: number
  readonly bytes: number
}

/** Everything that happens to a cluster, in the order of time. */
export interface Script {
  readonly seed: number
  readonly peers: readonly { readonly zone?: string; readonly diskBytes: number }[]
  readonly settings: Partial<IndexingServerSettings>
  readonly actions: readonly Action[]
}

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

const contentOf = (draw: Draw): DrawnContent => ({
  // Few enough that two files sometimes have the same content.
  number: draw.number(200),
  bytes: draw.chance(0.04) ? draw.of(largeBytes) : draw.between(0, 4_000),
})

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
      peer: draw.number(peers),
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
  const lastMs = (hours ?? draw.of([0.2, 0.5, 1, 2])) * 60 * minuteMs
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
      diskBytes: 256 * mebibyte,
    })),
    settings: { replicationFactor: peers > 4 && draw.chance(0.3) ? 3 : 2 },
    actions: [...first, ...drawn].toSorted((a, b) => a.atMs - b.atMs),
  }
}
