/**
 * Rows of the catalog and their meaning. Integers are read as bigint: a modification time in
 * nanoseconds needs 61 bits.
 */

import type { FileStat } from '../../common/content/file-stat.ts'
import type { Change, CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import type { CatalogFile, Entry } from './entry.ts'
import type { Folders } from './folders.ts'
import { type RemovedRow, removalOf } from './removed-names.ts'

export interface EntryRow {
  readonly seq: bigint
  readonly kind: CopyKind
  readonly name: string
  readonly owner: string
  readonly disk_name: string
  readonly size: bigint
  readonly mtime_ns: bigint
  readonly mtime_ns_high: bigint
  readonly ctime_ns: bigint | null
  readonly inode: bigint
  readonly sha256: string
  readonly chunk_root: string
  readonly version: string
}

export type KnownRow = Pick<
  EntryRow,
  'seq' | 'disk_name' | 'size' | 'mtime_ns' | 'mtime_ns_high' | 'ctime_ns' | 'inode'
>

export type EntryValues = [
  seq: number,
  kind: CopyKind,
  name: string,
  owner: string,
  diskName: string,
  size: number,
  mtimeNs: bigint,
  inode: bigint,
  sha256: string,
  chunkRoot: string,
  mtimeNsHigh: bigint,
  version: string,
  ctimeNs: bigint | null,
]

export interface DropRow {
  readonly seq: number | bigint
  readonly kind: CopyKind
  readonly name: string
  readonly owner: string
  readonly version: string
}

interface UnsharedRow {
  readonly seq: bigint
  readonly name: string
  readonly kind: null
  readonly owner: null
}

/** A row of one of the tables, with NULLs where it has no column. */
export type ChangeRow =
  | (EntryRow & { readonly damaged: bigint })
  | (DropRow & { readonly sha256: null })
  | UnsharedRow
  | RemovedRow

export type KeyRow = Pick<EntryRow, 'kind' | 'name' | 'owner' | 'version'>

export function keyRowOf({ kind, name, owner = '', version = '' }: CopyKey): KeyRow {
  return { kind, name, owner, version }
}

function keyOf({ kind, name, owner, version }: KeyRow): CopyKey {
  if (owner === '') return { kind, name }
  return version === '' ? { kind, name, owner } : { kind, name, owner, version }
}

/**
 * The columns of a new row in order; binding by position takes half the time of binding by name.
 */
export function entryValuesOf({ at, stat, content }: CatalogFile, seq: number): EntryValues {
  const { kind, name, owner = '', diskName, version = '' } = at
  // SQLite's integers are signed, and some file systems use inode numbers above their range.
  const inode = BigInt.asIntN(64, stat.ino)
  const { sha256, chunkRoot } = content
  const mtime = twoIntegersOf(stat.mtimeNs)
  const { size } = stat
  const ctimeNs = stat.ctimeNs === undefined ? null : BigInt.asIntN(64, stat.ctimeNs)
  const last = [mtime.high, version, ctimeNs] as const
  return [seq, kind, name, owner, diskName, size, mtime.low, inode, sha256, chunkRoot, ...last]
}

/**
 * A time of any file system as two 64-bit integers of SQLite: some file systems support times until
 * the year 2446, others for 292 billion years. `high` is almost always 0.
 */
function twoIntegersOf(ns: bigint): { low: bigint; high: bigint } {
  const low = BigInt.asIntN(64, ns)
  return { low, high: (ns - low) >> 64n }
}

/** The inverse of {@link twoIntegersOf}. */
function fromTwoIntegers(low: bigint, high: bigint): bigint {
  return (high << 64n) + low
}

/** A time as the protocol states it: whole milliseconds since 1970. */
function wireMillis(ns: bigint): number {
  const milliseconds = Number(ns / 1_000_000n)
  return Math.min(Math.max(0, milliseconds), Number.MAX_SAFE_INTEGER)
}

/** What a scan needs of an entry. */
export interface KnownFile {
  readonly seq: number
  readonly diskName: string
  readonly stat: FileStat
}

export function knownFileOf(row: KnownRow): KnownFile {
  return { seq: Number(row.seq), diskName: row.disk_name, stat: statOfRow(row) }
}

function statOfRow(row: Omit<KnownRow, 'seq' | 'disk_name'>): FileStat {
  return {
    size: Number(row.size),
    mtimeNs: mtimeNsOf(row),
    ino: BigInt.asUintN(64, row.inode),
    ...(row.ctime_ns !== null && { ctimeNs: row.ctime_ns }),
  }
}

export function entryOf(row: EntryRow, folders: Folders): Entry {
  const key = keyOf(row)
  const size = Number(row.size)
  return {
    at: folders.at(folders.root(key), row.disk_name, row.name),
    stat: statOfRow(row),
    content: { sha256: row.sha256, size, chunkRoot: row.chunk_root },
    seq: Number(row.seq),
  }
}

function mtimeNsOf(row: Pick<EntryRow, 'mtime_ns' | 'mtime_ns_high'>): bigint {
  return fromTwoIntegers(row.mtime_ns, row.mtime_ns_high)
}

/** An undamaged file of the catalog, as it was announced. */
export function putOf({ at, stat, content, seq }: Entry): Change {
  const key = keyOf(keyRowOf(at))
  return { op: 'put', seq, ...key, ...content, modifiedMs: wireMillis(stat.mtimeNs) }
}

export function changeOf(row: ChangeRow): Change {
  const seq = Number(row.seq)
  if (row.kind === null)
    return row.owner === null ? { op: 'unshare', seq, name: row.name } : removalOf(row)
  if (row.sha256 === null) return { op: 'drop', seq, ...keyOf(row) }
  return {
    op: 'put',
    seq,
    ...keyOf(row),
    sha256: row.sha256,
    size: Number(row.size),
    chunkRoot: row.chunk_root,
    modifiedMs: wireMillis(mtimeNsOf(row)),
    ...(row.damaged !== 0n && { damaged: true }),
  }
}
