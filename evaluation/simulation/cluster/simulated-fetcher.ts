import { hash } from 'node:crypto'
import { chunkRange } from '../../../common/content/chunks.ts'
import { AppError, hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { SerialQueue } from '../../../common/serial-queue.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { ChunkStore, CopyingStore } from '../../../peer/fetch/chunk-store.ts'
import type { UnfinishedContents } from '../../../peer/fetch/disk/unfinished-contents.ts'
import type { Fetched, FetchRequest, FetchRun } from '../../../peer/fetch/fetch-run.ts'
import type { Fetcher } from '../../../peer/fetch/fetcher.ts'
import { SmallFetch, type SmallFetchOptions } from '../../../peer/fetch/small/small-fetch.ts'
import { ChunkReuse } from '../../../peer/fetch/transfer/chunk-reuse.ts'
import { isVouched } from '../../../peer/fetch/transfer/is-vouched.ts'
import { type CrewDependencies, SourceCrew } from '../../../peer/fetch/transfer/source-crew.ts'
import type { PartialData, SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedLocalChunks } from './simulated-local-chunks.ts'

/** From the last byte of a chunk until it is verified and written. */
const putMs = 2

interface Dependencies extends Omit<CrewDependencies, 'buffers'> {
  readonly process: { readonly isAlive: boolean }
  readonly disk: SimulatedDisk
  readonly unfinished: UnfinishedContents
  readonly localChunks: SimulatedLocalChunks
  /** The folder of partial data. */
  readonly folder: string
}

interface Progress {
  verifiedBytes: number
  reusedBytes: number
}

/** The fetcher of a simulated peer: the real crew, transfer and small fetch, into a simulated disk. */
export class SimulatedFetcher
  implements Pick<Fetcher, 'fetch' | 'forget' | 'reserve' | 'smallFetch'>
{
  readonly #dependencies: Dependencies
  readonly #buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  readonly #copying = new SerialQueue()
  /** Paths of partial data in use. */
  readonly #taken = new Set<string>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  fetch(request: FetchRequest): FetchRun {
    const progress = { verifiedBytes: 0, reusedBytes: 0 }
    let crew: SourceCrew | undefined
    const onCrew = (started: SourceCrew): void => void (crew = started)
    const fetched = this.#fetch(request, { progress, onCrew })
    return {
      fetched,
      get verifiedBytes() {
        return progress.verifiedBytes
      },
      get reusedBytes() {
        return progress.reusedBytes
      },
      get receivedBytes() {
        return crew?.receivedBytes ?? 0
      },
      get received() {
        return crew?.received ?? []
      },
      get sources() {
        return crew?.sources ?? []
      },
      get waitingFor() {
        return crew?.waitingFor
      },
    }
  }

  smallFetch(options: SmallFetchOptions): SmallFetch {
    return new SmallFetch(options, this.#dependencies)
  }

  async reserve(bytes: number): ReturnType<Fetcher['reserve']> {
    const { disk, folder } = this.#dependencies
    if (bytes > disk.freeBytes) {
      for (const path of disk.partials.keys()) if (!this.#taken.has(path)) disk.removePartial(path)
    }
    if (bytes > disk.freeBytes)
      throw new AppError('DISK_FULL', { path: folder, neededBytes: bytes })
    return { onWritten: () => {}, [Symbol.dispose]: () => {} }
  }

  async forget(content: Content): Promise<void> {
    const path = this.#pathOf(content)
    if (!this.#taken.has(path)) this.#dependencies.disk.removePartial(path)
  }

  #pathOf({ sha256, chunkRoot }: Content): string {
    return `${this.#dependencies.folder}/${sha256}-${chunkRoot.slice(0, 8)}`
  }

  async #fetch(
    request: FetchRequest,
    run: { progress: Progress; onCrew: (crew: SourceCrew) => void },
  ): Promise<Fetched> {
    const { content, signal, keeps = false } = request
    const { disk, unfinished, clock, process, log } = this.#dependencies
    await clock.sleep(putMs, signal)
    const usual = this.#pathOf(content)
    const isKept = keeps && !this.#taken.has(usual)
    let path = usual
    for (let other = 2; this.#taken.has(path); other += 1) path = `${usual}.${other}`
    await this.reserve(disk.partials.has(path) ? 0 : content.size)
    const partial = disk.partial(path, content)
    this.#taken.add(path)
    const leave = (isLeft: boolean): void => {
      if (!isLeft && process.isAlive) disk.removePartial(path)
      this.#taken.delete(path)
    }
    try {
      const store = this.#storeOf(partial, content, run.progress)
      using untilPlaced = new DisposableStack()
      untilPlaced.use(unfinished.add(request, store))
      await using reuse = this.#reuseFor(request, store, run.progress)
      const crew = this.#crewFor({ ...request, reuse }, store, partial)
      run.onCrew(crew)
      const transferred = await crew.run()
      const { reusedBytes } = run.progress
      if (reusedBytes > 0) log.info({ reusedBytes, sha256: content.sha256 }, 'chunks were reused')
      const placing = untilPlaced.move()
      let isLeft = false
      return {
        ...transferred,
        partialPath: path,
        keep: () => void (isLeft = isKept),
        [Symbol.asyncDispose]: async () => {
          placing.dispose()
          leave(isLeft)
        },
      }
    } catch (error) {
      const isUseless = (['CANCELLED', 'CONTENT_REPLACED', 'HASH_MISMATCH'] as const).some((code) =>
        hasCode(error, code),
      )
      leave(isKept && !isUseless && partial.verified.size > 0)
      throw error
    }
  }

  #reuseFor(
    { content, signal }: FetchRequest,
    file: CopyingStore,
    progress: Progress,
  ): ChunkReuse | undefined {
    if (file.verified.chunkCount === 1) return undefined
    const onCopied = (bytes: number): void => void (progress.reusedBytes += bytes)
    const parts = { ...this.#dependencies, copying: this.#copying }
    return new ChunkReuse({ content, file, signal, onCopied }, parts)
  }

  #crewFor(
    request: FetchRequest & { reuse: ChunkReuse | undefined },
    file: ChunkStore,
    { bytes }: PartialData,
  ): SourceCrew {
    const { sources, hashesWhole = !isVouched(sources) } = request
    const isLarge = file.verified.chunkCount > 1
    const finish = async (): Promise<string> => hash('sha256', bytes)
    return new SourceCrew(
      { ...request, file, digest: hashesWhole && isLarge ? { finish } : undefined },
      { ...this.#dependencies, buffers: this.#buffers },
    )
  }

  #storeOf(
    partial: PartialData,
    { size }: Content,
    progress: Progress,
  ): CopyingStore & { readonly path: string; readonly changes: WakeUp } {
    const { clock, localChunks } = this.#dependencies
    const changes = new WakeUp()
    return {
      changes,
      path: partial.path,
      verified: partial.verified,
      get chunkList() {
        return partial.chunkList
      },
      begin: async (chunkList) => {
        partial.chunkList = chunkList
      },
      put: async (chunk, bytes, expected, from) => {
        await clock.sleep(putMs)
        if (from !== undefined && !localChunks.read(from, bytes)) return { isGood: false }
        const isGood = hash('sha256', bytes, 'buffer').equals(expected)
        if (isGood && !partial.verified.has(chunk)) {
          bytes.copy(partial.bytes, chunkRange(size, chunk).start)
          partial.verified.add(chunk)
          progress.verifiedBytes += bytes.length
        }
        changes.notify()
        return { isGood }
      },
    }
  }
}
