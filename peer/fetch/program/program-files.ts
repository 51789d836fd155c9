import { isDeepStrictEqual } from 'node:util'
import type { FoundContent, Source } from '../../../common/protocol/messages.ts'
import { formatAddress } from '../../../common/protocol/transport.ts'
import { labelOf } from '../source/peer-source.ts'

/** Files that are remembered: 300 bytes each. A fetch that outlives one asks for sources again. */
const filesMax = 10_000
/** Programs that sent something false: 100 bytes each. */
const liarsMax = 1_000

/** A file that a program has, and where it is read. */
export interface ProgramFile {
  /** `http://HOST:PORT` */
  readonly url: string
  readonly name: string
  readonly sha256: string
  readonly size: number
}

/**
 * The files of programs that were found, and may be fetched from them: an address that is not noted here is
 * never dialled, whatever a source says.
 */
export class ProgramFiles {
  readonly #files = new Map<string, ProgramFile>()
  readonly #liars = new Set<string>()
  readonly #onLied: (source: Source, why: string) => void

  /** @param options.onLied called with a program that sent something false */
  constructor({ onLied }: { onLied: (source: Source, why: string) => void }) {
    this.#onLied = onLied
  }

  note(source: Source, file: ProgramFile): void {
    const key = keyOf(source, file.sha256)
    const known = this.#files.get(key)
    // What is being read stays the same file.
    addTo(this.#files, key, isDeepStrictEqual(known, file) ? known : file)
    prune(this.#files, filesMax)
  }

  /** Notes the programs among the sources that a trusted peer found. */
  noteFound(name: string, found: readonly FoundContent[]): void {
    for (const { sha256, size, sources } of found)
      for (const source of sources)
        if (source.kind === 'program')
          this.note(source, { url: `http://${formatAddress(source)}`, name, sha256, size })
  }

  /** Undefined if no program said so, or it was long ago. */
  get(source: Source, sha256: string): ProgramFile | undefined {
    return this.#files.get(keyOf(source, sha256))
  }

  /** A program sent wrong bytes, or another number of them than it said: others are used before it. */
  lied(source: Source, why: string): void {
    this.#liars.delete(labelOf(source))
    this.#liars.add(labelOf(source))
    prune(this.#liars, liarsMax)
    this.#onLied(source, why)
  }

  hasLied(source: Source): boolean {
    return this.#liars.has(labelOf(source))
  }
}

function keyOf(source: Source, sha256: string): string {
  return `${labelOf(source)} ${sha256}`
}

function addTo<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
}

/** Removes the oldest. */
function prune(kept: Map<string, unknown> | Set<string>, countMax: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= countMax) return
    kept.delete(oldest)
  }
}
