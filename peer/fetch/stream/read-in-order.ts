import assert from 'node:assert/strict'
import { type ByteRange, chunkCountFor, isUnlisted } from '../../../common/content/chunks.ts'
import { AppError, hasCode } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Content, FoundContent } from '../../../common/protocol/messages.ts'
import { isVouched } from '../transfer/is-vouched.ts'
import { type CrewDependencies, SourceCrew, type Transferred } from '../transfer/source-crew.ts'
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
/** Chunk lists of unlisted contents that are remembered with their proof: 512 KiB each at most. */
const learnedMax = 16

/** A content whose chunk root belongs to it. */
interface Proof {
  readonly content: Content
  /** Of an unlisted content, which no source can tell. */
  readonly chunkList?: Buffer | undefined
}

/** Chunk roots that were found to belong to their contents. */
export class ProvedClaims {
  readonly #claims = new Set<string>()
  readonly #learned = new Map<string, Proof>()

  get({ sha256, size, chunkRoot }: FoundContent): Proof | undefined {
    const isProved = this.#claims.has(`${sha256} ${chunkRoot}`)
    return isProved ? { content: { sha256, size, chunkRoot } } : this.#learned.get(sha256)
  }

  add({ sha256, chunkRoot }: FoundContent, proof: Proof): void {
    if (proof.chunkList !== undefined) {
      if (this.#learned.size >= learnedMax) this.#learned.clear()
      this.#learned.set(sha256, proof)
      return
    }
    if (this.#claims.size >= provedMax) this.#claims.clear()
    this.#claims.add(`${sha256} ${chunkRoot}`)
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
      const proof = isToProve(request, claim, claims.length)
        ? await prove(request, claim, dependencies)
        : undefined
      await readClaim({ ...request, write }, { ...claim, ...proof?.content }, dependencies, proof)
      return
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

/** Reads a claim to its end, unless it was proved before. */
async function prove(
  request: ReadRequest,
  claim: FoundContent,
  { proved, ...dependencies }: ReadDependencies,
): Promise<Proof> {
  const known = proved?.get(claim)
  if (known !== undefined) return known
  const whole = { ...request, range: undefined, write: async () => {} }
  const { content, chunkList } = await readClaim(whole, claim, dependencies)
  const proof = { content, ...(isUnlisted(claim) && { chunkList }) }
  proved?.add(claim, proof)
  return proof
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
  { chunkList }: Pick<Proof, 'chunkList'> = {},
): Promise<Transferred> {
  const stop = new AbortController()
  const eitherSignal = AbortSignal.any([signal, stop.signal])
  const output = new OrderedOutput({ content, name, range, chunkList })
  const learnsChunks = isUnlisted(content)
  const end = (error: unknown): void => stop.abort(error)
  const passing = output.passTo(write, eitherSignal)
  passing.catch(end)
  const request = { content, name, sources, learnsChunks, signal: eitherSignal, file: output }
  const buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  const transferred = await new SourceCrew(request, { ...dependencies, buffers }).run().catch(end)
  try {
    await passing
  } catch (error) {
    if (learnsChunks && hasCode(error, 'HASH_MISMATCH'))
      for (const source of sources) dependencies.onBlamed(source, content)
    throw error
  }
  assert(transferred !== undefined)
  return transferred
}
