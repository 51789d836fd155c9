import type { AppError } from '../../common/errors.ts'
import type { Announcer } from './announcer.ts'

/** The index of a cluster is away, and this peer's own answers for it. */
export interface IndexAbsence {
  /** Of the index that is away. */
  readonly address: string
  /** Time without a connection to it, in milliseconds; 0 when it is back and will be asked soon. */
  readonly awayMs: number
  /** Whether peers have copies made and dropped without it. */
  readonly isActing: boolean
  /** Why there is no connection. */
  readonly error?: AppError
}

/**
 * The index that answers this peer's questions: that of the cluster or, in a mesh, its own, or the one
 * of the two that can.
 */
export interface AskedIndex
  extends Pick<
    Announcer,
    'address' | 'awayMs' | 'connected' | 'connection' | 'hasRegistered' | 'leaveForGood' | 'state'
  > {
  /** How long requests wait for an index that has disappeared; undefined: as usual. */
  readonly waitMs?: number | undefined
  /** What to do when it does not answer, though connected, if another one can answer. */
  readonly silence?: { readonly afterMs: number; report(): void } | undefined
  /** Aborted when another index is asked. */
  readonly switched?: AbortSignal
  /** Undefined while the index of the cluster answers, or there is none. */
  readonly absence?: IndexAbsence | undefined
}
