/** The space on a peer for copies: pure policy. Sizes in bytes. */

export interface Room {
  /** Free on its disk. */
  readonly freeBytes: number
  /** The size of its disk, if known. */
  readonly diskBytes?: number | undefined
  /** The most that it keeps for the cluster; undefined: as much as its disk holds. */
  readonly capacityBytes?: number | undefined
  /** All that it holds, and the replicas among it. */
  readonly storedBytes: number
  readonly replicaBytes: number
  /** What it was asked to hold and has not reported. */
  readonly assignedBytes: number
}

export interface RoomOptions {
  /** What a copy must leave free on a disk, or less on a small disk: see {@link keptFreeBytes}. */
  readonly reserveBytes: number
}

/**
 * At most this part of a disk is reserved: otherwise a phone's or memory stick's disk would never
 * hold anything.
 */
const keptFreePart = 0.05

/** Space that copies must leave free on a peer's disk. */
export function keptFreeBytes(
  { diskBytes = Number.POSITIVE_INFINITY }: Pick<Room, 'diskBytes'>,
  { reserveBytes }: RoomOptions,
): number {
  return Math.min(reserveBytes, Math.ceil(diskBytes * keptFreePart))
}

/** The bytes of further copies that fit: on its disk, and into what it gives to the cluster. */
export function roomBytes(room: Room, options: RoomOptions): number {
  const { freeBytes, capacityBytes = Number.POSITIVE_INFINITY, replicaBytes, assignedBytes } = room
  const onDisk = freeBytes - keptFreeBytes(room, options)
  return Math.max(0, Math.min(onDisk, capacityBytes - replicaBytes) - assignedBytes)
}

/**
 * The used part of the space that a peer could use, from 0 to 1: of its disk or, if that is more, of
 * what it gives to the cluster. Above 1 if it holds more than it gives.
 */
export function fullness({
  storedBytes,
  replicaBytes,
  assignedBytes,
  freeBytes,
  capacityBytes,
}: Omit<Room, 'diskBytes'>): number {
  const used = storedBytes + assignedBytes
  const ofDisk = used === 0 ? 0 : used / (storedBytes + Math.max(freeBytes, assignedBytes))
  const given = replicaBytes + assignedBytes
  if (capacityBytes === undefined || given === 0) return ofDisk
  return Math.max(ofDisk, given / Math.max(1, capacityBytes))
}
