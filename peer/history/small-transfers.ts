import { commonFolder, folderOf } from '../../common/common-folder.ts'
import type { Direction } from '../../common/protocol/history-messages.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import type { NewTransfer } from './history-store.ts'

/** Small files between the same peers are combined until none has followed for this long. */
const quietMs = 1_000
/** Or for this long. */
const groupMs = 10_000
/** More files than this are combined in one row. */
const singlesMax = 5

/** A file of one chunk that was sent as a whole. */
export interface SmallFile {
  readonly name: string | undefined
  readonly sha256: string
  readonly size: number
}

export interface Way {
  readonly direction: Direction
  readonly purpose: Purpose
  readonly from: string
  readonly to: string
}

interface Group {
  readonly way: Way
  readonly startMs: number
  lastMs: number
  readonly singles: SmallFile[]
  count: number
  bytes: number
  folder: string
}

/** Combines transfers of small files: policy without a clock. */
export class SmallTransfers {
  readonly #groups = new Map<string, Group>()

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  add(way: Way, files: readonly SmallFile[], nowMs: number): void {
    const key = [way.direction, way.purpose, way.from, way.to].join('\n')
    for (const file of files) {
      const folder = folderOf(file.name ?? '')
      const group = this.#groups.get(key) ?? {
        way,
        startMs: nowMs,
        lastMs: nowMs,
        singles: [],
        count: 0,
        bytes: 0,
        folder,
      }
      this.#groups.set(key, group)
      group.lastMs = nowMs
      group.count++
      group.bytes += file.size
      group.folder = commonFolder(group.folder, folder)
      if (group.singles.length < singlesMax) group.singles.push(file)
    }
  }

  /** Those that are running. */
  get groups(): readonly Pick<Group, 'way' | 'count' | 'bytes' | 'folder' | 'startMs'>[] {
    return [...this.#groups.values()]
  }

  /** Removes the groups that have ended, all of them if `isOver`, as rows. */
  takeEnded(nowMs: number, wallMs: number, isOver = false): NewTransfer[] {
    const ended = [...this.#groups].filter(
      ([, { startMs, lastMs }]) =>
        isOver || nowMs - lastMs >= quietMs || nowMs - startMs >= groupMs,
    )
    for (const [key] of ended) this.#groups.delete(key)
    return ended.flatMap(([, group]) => rowsOf(group, wallMs - (nowMs - group.lastMs)))
  }
}

function rowsOf(group: Group, timeMs: number): NewTransfer[] {
  const { way, singles, count, bytes, folder, startMs, lastMs } = group
  const durationMs = Math.round(lastMs - startMs)
  if (count > singles.length)
    return [rowOf(way, { timeMs, durationMs, count, bytes, ...(folder !== '' && { folder }) })]
  return singles.map(({ name, sha256, size }) =>
    rowOf(way, {
      timeMs,
      durationMs,
      count: 1,
      bytes: size,
      sha256,
      ...(name !== undefined && { name }),
    }),
  )
}

function rowOf(
  { direction, purpose, from, to }: Way,
  facts: Pick<NewTransfer, 'timeMs' | 'durationMs' | 'count' | 'bytes'> & Partial<NewTransfer>,
): NewTransfer {
  const { bytes, durationMs } = facts
  return {
    direction,
    purpose,
    ...facts,
    timeMs: Math.round(facts.timeMs),
    from: [{ peerId: from, bytes }],
    to,
    bytesPerSecond: rateOf(bytes, durationMs),
  }
}

export function rateOf(bytes: number, durationMs: number): number {
  return Math.round((1_000 * bytes) / Math.max(1, durationMs))
}
