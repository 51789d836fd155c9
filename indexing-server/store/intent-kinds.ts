/**
 * Intent: what people decided and what exists nowhere else. Everything else in the index was
 * announced by peers and can be announced again.
 *
 * Each decision is a record of the intent log: a kind, a key, a JSON value, or null once it was
 * revoked, and the time of the decision. The last decision on a kind and key wins. The log is
 * numbered, and peers keep a copy of it for an index that loses its disk.
 *
 * To add a kind: a row in `intentKinds` with the schema of its value, and what its key is. Then
 *
 * - decide with `Decisions.decide([{ kind, key, value }])`; `value: null` revokes;
 * - read what is in force with `IndexStore.intents(kind, ...)` at the start, and keep it in memory
 *   with a row in the `appliers` of `Decisions`, which sees every record: decided here, announced,
 *   or merged from a peer;
 * - if SQL needs it, keep a typed table with an effect in `intent-writer.ts`: it runs in the
 *   transaction of the record.
 */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { isPeerId, nameProblem } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import { isFileKey } from './file-key.ts'

/** Up to which a kind grows, and what happens beyond. */
export interface IntentBounds {
  /** Records in force, and as many that were revoked. */
  readonly recordsMax: number
  /**
   * `refuse` further decisions; or `forget` the oldest records: only if a typed table has what is
   * in force, so that peers lose the record and the index nothing.
   */
  readonly whenFull: 'refuse' | 'forget'
  /** Whether the time of a decision matters, so that one that is in force already is recorded again. */
  readonly isDated?: true
  /** Whether it may be a key of this kind. */
  readonly isKey: (key: string) => boolean
}

export const intentKinds = {
  /**
   * How many copies to keep of the files whose names match a pattern. Key: the pattern. Of several
   * that match, the last one set applies.
   */
  replication: {
    value: Type.Object({
      factor: Type.Integer({ minimum: 1, maximum: limits.replicationFactorMax }),
    }),
    recordsMax: limits.replicationRulesMax,
    whenFull: 'refuse',
    isDated: true,
    isKey: (key) => nameProblem(key) === undefined,
  },
  /** A peer whose copies are made elsewhere, so that it can leave. Key: its id. */
  drain: {
    value: Type.Literal(true),
    recordsMax: limits.peersMax,
    whenFull: 'refuse',
    isKey: isPeerId,
  },
  /** A peer that may be silent for a while, until a wall time. Key: its id. */
  maintenance: {
    value: Type.Object({
      untilMs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    }),
    recordsMax: limits.peersMax,
    whenFull: 'refuse',
    isKey: isPeerId,
  },
  /** The owner's file of a name is not in the cluster. Key: see `file-key.ts`. */
  unshared: {
    value: Type.Literal(true),
    recordsMax: limits.unsharedRecordsMax,
    whenFull: 'forget',
    isKey: isFileKey,
  },
  /** The owner deleted a file; its copies are kept, or no longer. Key: see `file-key.ts`. */
  trash: {
    value: Type.Object({ isKept: Type.Boolean() }),
    recordsMax: limits.trashRecordsMax,
    whenFull: 'forget',
    isKey: isFileKey,
  },
} as const satisfies Record<string, IntentBounds & { readonly value: Type.TSchema }>

type Kinds = typeof intentKinds
export type IntentKind = keyof Kinds

/** A decision: what is in force from now on, or null if nothing is. */
export type Decision = {
  readonly [K in IntentKind]: {
    readonly kind: K
    readonly key: string
    readonly value: Static<Kinds[K]['value']> | null
  }
}[IntentKind]

/** A decision in the log. */
export type IntentRecord = Decision & {
  /** Wall time of the decision: later than the one before it on the same kind and key. */
  readonly changedMs: number
}

export type RecordOf<K extends IntentKind> = Extract<IntentRecord, { readonly kind: K }>

const checks = new Map(
  Object.entries(intentKinds).map(
    ([kind, { value, isKey }]) => [kind, { value: Compile(value), isKey }] as const,
  ),
)

/** A record as peers keep it: the value as JSON text. */
export interface WrittenRecord {
  readonly kind: string
  readonly key: string
  readonly value: string | null
  readonly changedMs: number
}

/** The record that was written; undefined for an unknown kind, or a key or value that is not of it. */
export function readRecord({ value, ...written }: WrittenRecord): IntentRecord | undefined {
  const check = checks.get(written.kind)
  if (check?.isKey(written.key) !== true) return undefined
  const parsed = value === null ? null : parseJson(value)
  return parsed === null || check.value.Check(parsed)
    ? ({ ...written, value: parsed } as IntentRecord)
    : undefined
}

/** @returns undefined for invalid JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Which of two records of a kind and key wins, in any order of arrival: the later decision. */
export function isNewer(
  record: Pick<WrittenRecord, 'changedMs' | 'value'>,
  than: Pick<WrittenRecord, 'changedMs' | 'value'>,
): boolean {
  if (record.changedMs !== than.changedMs) return record.changedMs > than.changedMs
  // Two indexes decided within a millisecond: any rule will do that does not depend on the order.
  return (record.value ?? '') > (than.value ?? '')
}
