import { type ByteRange, chunkCountFor } from '../../../common/content/chunks.ts'
import { AppError, hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { FoundContent } from '../../../common/protocol/messages.ts'
import { isVouched } from '../transfer/is-vouched.ts'
import { type CrewDependencies, SourceCrew } from '../transfer/source-crew.ts'
import { OrderedOutput, type WriteBytes } from './ordered-output.ts'

export interface ReadRequest {
  readonly name: string
  /** Which content, if the name has several; the first otherwise. */
  readonly sha256?: string | undefined
  /** Which bytes of it; all of them otherwise. */
  readonly range?: ByteRange | undefined
  readonly signal: AbortSignal
  /** The contents of `name`, the one to take first in front; at least one. */
  lookup(name: string, signal: AbortSignal, sha256?: string): Promise<readonly FoundContent[]>
  /** Takes the bytes in order, each after its chunk was verified. */
  readonly write: WriteBytes
}

/** Claims remembered as proved, so that reading a content in many parts proves it once. */
const provedMax = 1_000

/** Chunk roots that were found to belong to their contents. */
export class ProvedClaims {
  readonly #keys = new Set<string>()

  has({ sha256, chunkRoot }: FoundContent): boolean {
    return this.#keys.has(`${sha256} ${chunkRoot}`)
  }

  add({ sha256, chunkRoot }: FoundContent): void {
    if (this.#keys.size >= provedMax) this.#keys.clear()
    this.#keys.add(`${sha256} ${chunkRoot}`)
  }
}

export interface ReadDependencies extends Omit<CrewDependencies, 'buffers'> {
  /** Shared by reads of parts. */
  readonly proved?: ProvedClaims
}

/**
 * Reads a content, or a part of it, in order while it is fetched. Where peers differ about it and no two
 * vouch for one claim, the claim is proved first by a read that writes nothing: written bytes cannot be
 * taken back (docs/decisions/0007). So is one that no two vouch for if only a part is read.
 * @throws AppError CONTENT_NOT_FOUND, NO_SOURCE, HASH_MISMATCH; what the lookup and `write` throw; or
 *   the signal's reason
 */
export async function readInOrder(
  request: ReadRequest,
  dependencies: ReadDependencies,
): Promise<void> {
  const { name, signal } = request
  const found = await request.lookup(name, signal, request.sha256)
  const sha256 = request.sha256 ?? found[0]?.sha256 ?? ''
  let failure: unknown = new AppError('CONTENT_NOT_FOUND', { sha256 })
  const claims = claimsOf(found, sha256)
  for (const claim of claims) {
    let writtenBytes = 0
    const write: WriteBytes = (bytes) => {
      writtenBytes += bytes.length
      return request.write(bytes)
    }
    try {
      if (isToProve(request, claim, claims.length) && dependencies.proved?.has(claim) !== true) {
        const whole = { ...request, range: undefined, write: async () => {} }
        await readClaim(whole, claim, dependencies)
        dependencies.proved?.add(claim)
      }
      return await readClaim({ ...request, write }, claim, dependencies)
    } catch (error) {
      const isFaultOfClaim = hasCode(error, 'NO_SOURCE') || hasCode(error, 'HASH_MISMATCH')
      if (writtenBytes > 0 || !isFaultOfClaim) throw error
      failure = error
    }
  }
  throw failure
}

function isToProve({ range }: ReadRequest, claim: FoundContent, claims: number): boolean {
  const { size, sources } = claim
  // The hash of a single chunk is that of the content.
  const isPart = range !== undefined && range.bytes < size && chunkCountFor(size) > 1
  return (claims > 1 || isPart) && !isVouched(sources)
}

function claimsOf(found: readonly FoundContent[], sha256: string): FoundContent[] {
  const claims = found.filter((content) => content.sha256 === sha256)
  const isBelieved = ({ sources }: FoundContent): boolean => isVouched(sources)
  return claims.toSorted((a, b) => Number(isBelieved(b)) - Number(isBelieved(a)))
}

async function readClaim(
  { name, range, write, signal }: ReadRequest,
  { sources, ...content }: FoundContent,
  dependencies: ReadDependencies,
): Promise<void> {
  const stop = new AbortController()
  const eitherSignal = AbortSignal.any([signal, stop.signal])
  const output = new OrderedOutput({ content, name, range })
  const end = (error: unknown): void => stop.abort(error)
  const passing = output.passTo(write, eitherSignal)
  passing.catch(end)
  const request = { content, name, sources, signal: eitherSignal, file: output }
  const buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  await new SourceCrew(request, { ...dependencies, buffers }).run().catch(end)
  await passing
}
