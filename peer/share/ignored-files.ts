import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import type { Fault } from '../problem-table.ts'
import type { Folders, Location } from './folders.ts'
import { IgnoreRules, ignoreFileName } from './ignore-rules.ts'
import { isGone } from './is-gone.ts'

/** The longest file of patterns: matching takes time for each of them. */
const ignoreFileBytesMax = 64 * 1_024

interface Dependencies {
  readonly folders: Folders
  readonly clock: Clock
}

/** The rules in force about files of shared/ that are never shared. */
export class IgnoredFiles {
  readonly #dependencies: Dependencies
  readonly #quietMs: number
  readonly #path: string
  /** The user's patterns; undefined until they are first read. */
  #text: string | undefined
  #rules = new IgnoreRules('')
  #isUnknown = false
  /** The number of ignored files and folders, as of the last full scan. */
  count = 0

  /** @param options.quietMs how long the file of patterns must be unchanged before it is read */
  constructor({ quietMs }: { readonly quietMs: number }, dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#quietMs = quietMs
    this.#path = join(dependencies.folders.shared, ignoreFileName)
  }

  /** The user's patterns, for the thread that walks. */
  get text(): string {
    return this.#text ?? ''
  }

  /** Whether the user's patterns could never be read: a new file may be one of those to ignore. */
  get isUnknown(): boolean {
    return this.#isUnknown
  }

  /** The file of patterns; absolute. */
  get path(): string {
    return this.#path
  }

  /** Whether this is the file of patterns. */
  isRuleFile({ path }: Pick<Location, 'path'>): boolean {
    return path === this.#path
  }

  isIgnored({ kind, diskName }: Pick<Location, 'kind' | 'diskName'>): boolean {
    return kind === 'shared' && this.#rules.isIgnored(diskName)
  }

  /** The pattern that ignores a shared file of this name, if one does. */
  patternFor(name: string): string | undefined {
    return this.#rules.patternFor(name)
  }

  /**
   * Reads the file of patterns, unless it is still being written: a half-written one would share
   * what it ignores. If it cannot be read, the rules stay.
   * @returns why it cannot be read
   */
  async load(): Promise<Fault | undefined> {
    try {
      const text = await this.#read()
      this.#isUnknown = false
      if (text === undefined || text === this.#text) return undefined
      this.#rules = new IgnoreRules(text)
      this.#text = text
      return undefined
    } catch (error) {
      this.#isUnknown = this.#text === undefined
      const reason = systemErrorCode(error) ?? reasonOf(error)
      return { code: 'PATTERNS_NOT_READABLE', details: { reason } }
    }
  }

  /** Undefined while it is being written. */
  async #read(): Promise<string | undefined> {
    const found = await lstat(this.#path).catch((error: unknown) => {
      if (isGone(error)) return undefined
      throw error
    })
    if (found === undefined) return ''
    const ageMs = this.#dependencies.clock.nowMs() - found.mtimeMs
    if (this.#text !== undefined && ageMs >= 0 && ageMs < this.#quietMs) return undefined
    if (!found.isFile()) throw new Error('it is not a file')
    if (found.size > ignoreFileBytesMax)
      throw new Error(`it is longer than ${ignoreFileBytesMax} bytes`)
    return await readFile(this.#path, 'utf8')
  }
}
