import { createHash } from 'node:crypto'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { CopyReader } from './copy-reader.ts'
import { DamagedFiles } from './damaged-files.ts'
import { FolderGuard } from './folder-guard.ts'
import { folderLooker } from './folder-look.ts'
import { FolderQueues } from './folder-queues.ts'
import { Folders } from './folders.ts'
import { IgnoredFiles } from './ignored-files.ts'
import { OwnWrites } from './own-writes.ts'
import { Scanner } from './scanner.ts'
import { Staging } from './staging.ts'
import { UnreadableFolders } from './unreadable-folders.ts'
import { Walker } from './walker.ts'

const quietMs = 1_000

class ScannerFixture implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly catalog: Catalog
  readonly #folders: Folders
  readonly #work = new BackgroundWork({ log: silentLog })
  readonly #walker: Walker
  readonly #scanner: Scanner
  readonly #temporary: AsyncDisposable

  private constructor(temporary: { path: string } & AsyncDisposable) {
    this.#temporary = temporary
    this.#folders = new Folders(temporary.path)
    this.catalog = new Catalog(this.#folders, { random: seededRandom('catalog') })
    const { clock, catalog } = this
    const dependencies = {
      folders: this.#folders,
      catalog,
      work: this.#work,
      clock,
      log: silentLog,
    }
    const ownWrites = new OwnWrites({ writer: { look: async () => [] } })
    const reader = new CopyReader(dependencies)
    const guard = new FolderGuard({
      ...dependencies,
      look: folderLooker(dependencies),
      unreadable: new UnreadableFolders({ ...dependencies, reader }),
      onReadable: () => {},
    })
    this.#walker = new Walker(dependencies)
    const staging = new Staging(this.#folders, { random: seededRandom('staging') })
    const scanning = {
      ...dependencies,
      ownWrites,
      guard,
      walker: this.#walker,
      reader,
      damaged: new DamagedFiles({ ...dependencies, staging }),
      queues: new FolderQueues(dependencies),
      ignored: new IgnoredFiles({ quietMs }, dependencies),
    }
    this.#scanner = new Scanner({ quietMs }, scanning)
  }

  static async create(): Promise<ScannerFixture> {
    const temporary = await temporaryFolder()
    await new Folders(temporary.path).create()
    return new ScannerFixture(temporary)
  }

  /** Writes a file in shared/, just now, and scans. */
  async write(name: string, text: string): Promise<void> {
    const path = join(this.#folders.shared, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, text)
    await utimes(path, this.clock.nowMs() / 1_000, this.clock.nowMs() / 1_000)
    await this.scan()
  }

  async scan(): Promise<void> {
    await this.#scanner.scan({ signal: this.#work.signal, isThrottled: true })
  }

  textHash(name: string): string | undefined {
    return this.catalog.get({ kind: 'shared', name })?.content.sha256
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
    await this.#walker[Symbol.asyncDispose]()
    this.#scanner[Symbol.dispose]()
    this.catalog[Symbol.dispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }
}

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

test('a file that is being written is recorded when it is quiet, not before', async () => {
  await using peer = await ScannerFixture.create()
  await peer.write('growing.bin', 'first')
  await peer.clock.advance(quietMs * 0.9)
  await peer.write('growing.bin', 'first, second')
  await peer.clock.advance(quietMs * 0.9)
  await peer.scan()
  expect(peer.textHash('growing.bin')).toBeUndefined()

  await peer.clock.advance(quietMs * 0.05)
  await peer.scan()
  expect(peer.textHash('growing.bin')).toBeUndefined()
  await peer.clock.advance(quietMs * 0.05)
  await peer.scan()
  expect(peer.textHash('growing.bin')).toBe(sha256Of('first, second'))
})

test('a known file keeps its entry while it is written, unless the writing never pauses', async () => {
  await using peer = await ScannerFixture.create()
  await peer.write('log.txt', 'line 1')
  await peer.clock.advance(quietMs)
  await peer.scan()
  expect(peer.textHash('log.txt')).toBe(sha256Of('line 1'))

  for (let line = 2; line < 13; line++) {
    await peer.write('log.txt', `line ${line}`)
    expect(peer.textHash('log.txt'), `at line ${line}`).toBe(sha256Of('line 1'))
    await peer.clock.advance(quietMs * 0.9)
  }
  await peer.write('log.txt', 'line 13')
  await peer.clock.advance(quietMs * 0.9)
  await peer.write('log.txt', 'line 14')
  expect(peer.textHash('log.txt')).toBeUndefined()

  await peer.clock.advance(3 * quietMs)
  await peer.scan()
  expect(peer.textHash('log.txt')).toBe(sha256Of('line 14'))
})
