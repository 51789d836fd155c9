import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import type { SmallWriter } from './small-writer.ts'

/**
 * Files written by this peer whose events are still expected: more than it writes before they
 * arrive.
 */
const ownWritesRemembered = 16_384

/**
 * Files that this peer wrote recently, as recorded in its catalog. The operating system reports
 * each of them as changed; one call to a thread tells for many that they need no comparison.
 */
export class OwnWrites {
  readonly #writer: Pick<SmallWriter, 'look'>
  /** Oldest first; undefined while a file is being written. */
  readonly #stats = new Map<string, FileStat | undefined>()

  constructor(dependencies: { writer: Pick<SmallWriter, 'look'> }) {
    this.#writer = dependencies.writer
  }

  /** The file at `path` is about to be written or, with a stat, was written with that stat. */
  add(path: string, stat?: FileStat): void {
    this.#stats.delete(path)
    this.#stats.set(path, stat)
    if (this.#stats.size <= ownWritesRemembered) return
    for (const oldest of this.#stats.keys()) {
      this.#stats.delete(oldest)
      return
    }
  }

  has(path: string): boolean {
    return this.#stats.has(path)
  }

  /** Whether this peer wrote the file with this stat, or is writing it: the catalog may not have it yet. */
  isOwn(path: string, stat: FileStat): boolean {
    const written = this.#stats.get(path)
    return this.#stats.has(path) && (written === undefined || isSameStat(written, stat))
  }

  /** Those of `paths` whose files are not as they were written; forgets them. */
  async changed(paths: readonly string[]): Promise<string[]> {
    const found = await this.#writer.look(paths)
    return paths.filter((path, index) => {
      const [written, now] = [this.#stats.get(path), found[index]]
      if (written !== undefined && now !== undefined && isSameStat(written, now)) return false
      this.#stats.delete(path)
      return true
    })
  }
}
