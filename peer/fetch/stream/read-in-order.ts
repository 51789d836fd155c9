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
  readonly signal: AbortSignal
  /** The contents of `name`, the one to take first in front; at least one. */
  lookup(name: string, signal: AbortSignal, sha256?: string): Promise<readonly FoundContent[]>
  /** Takes the bytes in order, each after its chunk was verified. */
  readonly write: WriteBytes
}

/**
 * Reads a content in order while it is fetched. Where peers differ about it and no two vouch for one
 * claim, the claim is proved first by a read that writes nothing: written bytes cannot be taken back
 * (docs/decisions/0007).
 * @throws AppError CONTENT_NOT_FOUND, NO_SOURCE, HASH_MISMATCH; what the lookup and `write` throw; or
 *   the signal's reason
 */
export async function readInOrder(
  request: ReadRequest,
  dependencies: Omit<CrewDependencies, 'buffers'>,
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
      if (claims.length > 1 && !isVouched(claim.sources))
        await readClaim({ ...request, write: async () => {} }, claim, dependencies)
      return await readClaim({ ...request, write }, claim, dependencies)
    } catch (error) {
      const isFaultOfClaim = hasCode(error, 'NO_SOURCE') || hasCode(error, 'HASH_MISMATCH')
      if (writtenBytes > 0 || !isFaultOfClaim) throw error
      failure = error
    }
  }
  throw failure
}

function claimsOf(found: readonly FoundContent[], sha256: string): FoundContent[] {
  const claims = found.filter((content) => content.sha256 === sha256)
  const isBelieved = ({ sources }: FoundContent): boolean => isVouched(sources)
  return claims.toSorted((a, b) => Number(isBelieved(b)) - Number(isBelieved(a)))
}

async function readClaim(
  { name, write, signal }: ReadRequest,
  { sources, ...content }: FoundContent,
  dependencies: Omit<CrewDependencies, 'buffers'>,
): Promise<void> {
  const stop = new AbortController()
  const eitherSignal = AbortSignal.any([signal, stop.signal])
  const output = new OrderedOutput({ content, name })
  const end = (error: unknown): void => stop.abort(error)
  const passing = output.passTo(write, eitherSignal)
  passing.catch(end)
  const request = { content, name, sources, signal: eitherSignal, file: output }
  const buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  await new SourceCrew(request, { ...dependencies, buffers }).run().catch(end)
  await passing
}
