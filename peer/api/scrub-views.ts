/** Scrubbing and repairs as the API reports them. */
import type { AppError } from '../../common/errors.ts'
import type { CopyKind } from '../../common/protocol/shapes.ts'
import type { CopyCheck, Damaged, Repair, Scrub } from './scrub-shapes.ts'

/** Damaged files listed in one reply. */
const damagedListedMax = 100

interface DamagedEntry {
  readonly at: { readonly name: string; readonly kind: CopyKind; readonly path: string }
  readonly content: { readonly sha256: string }
  readonly damage: {
    readonly foundMs: number
    readonly why: string
    readonly good: { readonly chunkCount: number; readonly size: number }
  }
}

/** The part of the peer that knows damaged files. */
export interface DamageSource {
  readonly damagedCount: number
  damaged(afterSeq: number, limit: number): readonly DamagedEntry[]
}

export function scrubOf(
  status: Omit<Scrub, 'damaged' | 'damagedFiles'>,
  source: DamageSource,
): Scrub {
  const damaged = source.damaged(0, damagedListedMax).map(damagedOf)
  return { ...status, damagedFiles: source.damagedCount, damaged }
}

function damagedOf({ at, content, damage }: DamagedEntry): Damaged {
  const { good, foundMs, why } = damage
  return {
    name: at.name,
    folder: at.kind,
    path: at.path,
    sha256: content.sha256,
    foundMs,
    reason: why,
    chunks: good.chunkCount,
    badChunks: good.chunkCount - good.size,
  }
}

type WithError<View extends { error?: unknown }> = Omit<View, 'error'> & {
  readonly error?: AppError | undefined
}

export function checkOf({ error, ...check }: WithError<CopyCheck>): CopyCheck {
  return { ...check, ...(error !== undefined && { error: errorOf(error) }) }
}

export function repairOf({ error, ...repair }: WithError<Repair>): Repair {
  return { ...repair, ...(error !== undefined && { error: errorOf(error) }) }
}

function errorOf({ code, message, retryable, details }: AppError): NonNullable<Repair['error']> {
  return { code, message, retryable, details: { ...details } }
}
