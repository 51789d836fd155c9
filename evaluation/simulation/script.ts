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
      /** Sets how many copies the files that match should have; without a factor, ends the rule. */
      readonly do: 'replicate'
      readonly peer: number
      readonly pattern: string
      readonly factor?: number
    }
  | { readonly do: 'restore'; readonly peer: number; readonly name: string }
  | {
      readonly do: 'empty-trash'
      readonly peer: number
      readonly pattern: string
      /** Whether what other peers deleted is removed, too. */
      readonly isForced: boolean
    }
  | {
      /** Has a dead peer forgotten, even if files are lost with it; it may return later. */
      readonly do: 'forget'
      readonly peer: number
      readonly target: number
      readonly isForced: boolean
    }
  | { readonly do: 'rebalance'; readonly peer: number; readonly action: 'start' | 'stop' }
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
  | {
      /** Nothing more fits on the disks of these. */
      readonly do: 'fill'
      readonly peers: readonly number[]
      readonly forMs: number
    }
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
  /** A byte of this chunk differs from those of the content without it. */
  readonly editedChunk?: number
}

/** Everything that happens to a cluster, in the order of time. */
export interface Script {
  readonly seed: number
  readonly peers: readonly { readonly zone?: string; readonly diskBytes: number }[]
  readonly settings: Partial<IndexingServerSettings>
  /** Whether the peers are a mesh. */
  readonly isMesh?: boolean
  /** Whether a mesh has an index, too; other clusters have one. */
  readonly hasIndex?: boolean
  readonly actions: readonly Action[]
}
