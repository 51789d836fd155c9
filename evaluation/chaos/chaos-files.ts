/** The files that chaos expects to survive everything. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Random } from '../../common/random.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { nextSize } from '../soak/soak-plan.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'

export interface ChaosFile {
  readonly owner: string
  readonly name: string
  readonly sha256: string
  readonly size: number
}

/** Files that were acknowledged: each has to have its copies after every fault. */
export class ChaosFiles {
  readonly #random: Random
  readonly #seed: string
  readonly #all: ChaosFile[] = []
  #made = 0

  constructor(seed: string, random: Random) {
    this.#seed = seed
    this.#random = random
  }

  get all(): readonly ChaosFile[] {
    return this.#all
  }

  get bytes(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0)
  }

  /** Writes `count` files of mixed sizes, in folders, into a peer's shared/. */
  async make(owner: string, sharedFolder: string, count: number): Promise<void> {
    for (let made = 0; made < count; made++) {
      const number = this.#made++
      const name = `${owner}/folder${number % 10}/file${number}.bin`
      // Every content is a different one, so that copies of one file are not those of another.
      const bytes = 1 + nextSize(this.#random)
      const { sha256, size } = await aFile(sharedFolder, name, {
        bytes,
        seed: `${this.#seed} ${name}`,
      })
      this.#all.push({ owner, name, sha256, size })
    }
  }

  /** Pushes a file through a peer, and waits until it is acknowledged with its copies. */
  async push(owner: TandemProcess, size: number): Promise<void> {
    const name = `pushed/file${this.#made++}.bin`
    const bytes = this.#random.bytes(size)
    using api = apiOf(owner)
    await api.push({ name, bytes: Readable.from([bytes]), replace: false, wait: true })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.#all.push({ owner: owner.name, name, sha256, size })
  }
}
