import type { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import type { ChunkStore } from '../chunk-store.ts'
import { labelOf } from '../source/peer-source.ts'
import {
  type CrewDependencies,
  type CrewOptions,
  SourceCrew,
  type SourceProgress,
} from './source-crew.ts'
import { Transfer, type TransferOptions } from './transfer.ts'

/** How it goes. */
export interface TakeProgress {
  /** Those at work. */
  readonly sources: readonly SourceProgress[]
  /** Why nothing comes, if no source is at work. */
  readonly waitingFor?: string | undefined
}

export interface TakeRequest extends Omit<CrewOptions, 'onLook'> {
  /** Where the chunks go; those that it has already are not taken again. */
  readonly file: ChunkStore
  readonly digest: TransferOptions['digest']
  /** Told after each verified chunk, when sources change, and from time to time. */
  readonly onProgress?: ((progress: TakeProgress) => void) | undefined
}

export interface TakeDependencies extends CrewDependencies {
  readonly buffers: BufferPool
}

export interface Taken {
  readonly chunkList: Buffer
  /** Those that sent some of it. */
  readonly sources: readonly Source[]
}

/**
 * Takes what a file lacks of its content from several sources at once.
 * @throws AppError NO_SOURCE with everyone who was tried and why it did not work, HASH_MISMATCH when
 *   the bytes fit the announced chunk root but not the SHA-256; what the file throws; or the signal's reason
 */
export async function takeContent(
  request: TakeRequest,
  dependencies: TakeDependencies,
): Promise<Taken> {
  const { file, signal } = request
  const onProgress = (): void =>
    request.onProgress?.({ sources: crew.sources, waitingFor: crew.waitingFor })
  const whole = request.sources.filter(({ kind }) => kind !== 'partial')
  const transfer = new Transfer(
    { ...request, hasOneSource: whole.length === 1, onProgress },
    dependencies,
  )
  const crew = new SourceCrew({ ...request, onLook: onProgress }, transfer, dependencies)
  if (file.verified.size > 0) onProgress()
  await crew.run()
  signal.throwIfAborted()
  const chunkList = await transfer.finish(signal)
  const sources = crew.known.filter((source) => transfer.contributors.has(labelOf(source)))
  return { chunkList, sources }
}

/**
 * Whether two peers that hashed the whole content by themselves say that it has this chunk root: then
 * its chunks prove it (docs/decisions/0005). Of a downloaded copy nobody knows whether its peer did, and
 * one that is still downloading has not.
 */
export function isVouched(sources: readonly Source[]): boolean {
  const vouchers = sources.filter(({ kind }) => kind === 'shared' || kind === 'replicated')
  return new Set(vouchers.map(({ peerId }) => peerId)).size >= 2
}
