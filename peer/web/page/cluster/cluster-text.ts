/** What the cluster view says: sentences from the status and the registry, without elements. */
import { bytesText, countText, durationText, numberText, rateText } from '../format/units.ts'
import type { Peer, Status } from '../live/live-types.ts'

export type Tone = 'ok' | 'warn' | 'bad' | 'accent' | ''

export const stateTones = {
  live: 'ok',
  suspect: 'warn',
  unreachable: 'bad',
  dead: 'bad',
} as const satisfies Readonly<Record<Peer['state'], Tone>>

/** Live peers first, then those that need attention least urgently; by id among equals. */
const stateOrder = { live: 0, suspect: 1, unreachable: 2, dead: 3 } as const

export function sortedPeers<Row extends Peer>(peers: Iterable<Row>): Row[] {
  return [...peers].sort(
    (a, b) =>
      stateOrder[a.state] - stateOrder[b.state] ||
      a.peerId.localeCompare(b.peerId, 'en', { numeric: true }),
  )
}

/** Who answers while the index is away. */
export function awayText({
  address,
  awayMs,
  isActing,
}: NonNullable<Status['peer']['indexAway']>): string {
  if (awayMs === 0) return `The index at ${address} is back, and will answer again in a moment.`
  const copies = isActing ? 'the peers maintain the copies of files' : 'no copies are made yet'
  return `The index at ${address} has been away for ${durationText(awayMs)}. This peer answers from what it knows of other peers; ${copies}.`
}

/** Which processes other machines reach without TLS; undefined if there are none. */
export function insecureText({ isInsecure, peer }: Status): string | undefined {
  const exposed = [
    ...(isInsecure === true ? ['the index'] : []),
    ...(peer.isInsecure === true ? [peer.peerId] : []),
  ]
  if (exposed.length === 0) return undefined
  return `Every machine that reaches ${exposed.join(' or ')} can read, change and delete files.`
}

export interface Note {
  readonly tone: Tone
  readonly text: string
}

/** What sets a peer apart, beside its state. */
export function notesOf({ draining, maintenance, unproven, flapping, unreachable }: Peer): Note[] {
  const notes: Note[] = []
  if (draining !== undefined) notes.push({ tone: 'accent', text: drainText(draining) })
  if (maintenance !== undefined)
    notes.push({ tone: 'accent', text: `maintenance, ${durationText(maintenance.leftMs)} left` })
  if (unproven !== undefined) {
    const copies = countText(unproven.copies, 'copy', 'copies')
    const text = unproven.isDistrusted ? 'none of its copies counts' : `${copies} not proven`
    notes.push({ tone: 'bad', text })
  }
  if (flapping !== undefined)
    notes.push({ tone: 'warn', text: `unsteady: lost ${countText(flapping.breaks, 'time')}` })
  if (unreachable !== undefined) notes.push({ tone: 'bad', text: unreachable })
  return notes
}

function drainText({ progress }: NonNullable<Peer['draining']>): string {
  if (progress === undefined) return 'draining'
  const { files, lackingFiles } = progress
  if (lackingFiles === 0) return 'drained: safe to stop'
  return `draining: ${numberText(files - lackingFiles)} of ${countText(files, 'file')} elsewhere`
}

export interface Space {
  /** Both as shares of the whole, 0 to 1. */
  readonly cluster: number
  readonly other: number
  readonly tone: Tone
  readonly text: string
}

/** A disk with less room than this is shown as nearly full. */
const lowShare = 0.1

/** How full the disk of a peer is, or undefined if its size is unknown. */
export function spaceOf({ diskBytes, freeBytes, bytes }: Peer): Space | undefined {
  if (diskBytes === undefined || diskBytes <= 0) return undefined
  const free = Math.min(freeBytes, diskBytes)
  const used = diskBytes - free
  const cluster = Math.min(bytes, used)
  return {
    cluster: cluster / diskBytes,
    other: (used - cluster) / diskBytes,
    tone: free / diskBytes < lowShare ? 'bad' : '',
    text: `${bytesText(free)} of ${bytesText(diskBytes)} free`,
  }
}

export interface Health {
  readonly tone: Tone
  readonly title: string
  /** Why it is not better, and what helps. */
  readonly reasons: readonly string[]
}

/** The state of replication in one sentence, with what holds it up. */
export function healthOf(status: Status): Health {
  const { contents, belowFactor, repair, brake, paused, degraded } = status
  const reasons = [
    ...(degraded === undefined ? [] : [`The index cannot write its database: ${degraded}`]),
    ...(brake === undefined ? [] : [brakeText(brake)]),
    ...(brake === undefined && paused !== undefined ? [`Copying is paused: ${paused}`] : []),
    ...blockedBy(status),
  ]
  const lost = repair?.lacking.lost ?? 0
  if (lost > 0) {
    const title = `${countText(lost, 'file has', 'files have')} no live copy`
    return {
      tone: 'bad',
      title,
      reasons: ['They return only with a peer that has them.', ...reasons],
    }
  }
  if (belowFactor > 0)
    return {
      tone: 'warn',
      title: `${countText(belowFactor, 'file lacks', 'files lack')} copies`,
      reasons,
    }
  if (reasons.length > 0) return { tone: 'warn', title: 'Every file has its copies', reasons }
  if (contents === 0) return { tone: '', title: 'No files yet', reasons }
  return { tone: 'ok', title: 'Every file has its copies', reasons }
}

function blockedBy({ noRoom, unproven, wantMorePeers }: Status): string[] {
  const reasons: string[] = []
  if (unproven !== undefined)
    reasons.push(
      `${countText(unproven.copies, 'copy', 'copies')} of ${countText(unproven.peers, 'peer')}, not proven, and therefore not counted.`,
    )
  if (noRoom !== undefined) {
    const { contents, bytes, addBytes, peers } = noRoom
    const where = peers.length === 0 ? '' : ` to ${peers.map(({ peerId }) => peerId).join(', ')}`
    reasons.push(
      `${countText(contents, 'file')} (${bytesText(bytes)}) fit on no peer: add at least ${bytesText(addBytes)}${where}.`,
    )
  }
  if (wantMorePeers !== undefined && wantMorePeers > 0)
    reasons.push(
      `${countText(wantMorePeers, 'file needs', 'files need')} more copies than there are peers: start another peer.`,
    )
  return reasons
}

function brakeText({ cause, leftMs }: NonNullable<Status['brake']>): string {
  const why =
    cause === 'start'
      ? 'The index has just started, and gives peers time to reconnect'
      : 'Many peers were lost together'
  return `${why}: nothing is copied or dropped for up to ${durationText(leftMs)}.`
}

/** How fast copies are made, and how long that takes. */
export function repairText({ filesPerSecond, bytesPerSecond, leftMs }: Repair): string {
  if (filesPerSecond <= 0) return 'Nothing is being copied now'
  const files = filesPerSecond < 10 ? filesPerSecond.toFixed(1) : numberText(filesPerSecond)
  const left = leftMs === undefined ? '' : `, about ${durationText(leftMs)} left`
  return `${files} files/s, ${rateText(bytesPerSecond)}${left}`
}

export type Repair = NonNullable<Status['repair']>

/** The groups of contents that lack copies, most urgent first; without empty ones. */
export function lackingGroups({
  lacking,
}: Repair): { readonly label: string; readonly count: number; readonly tone: Tone }[] {
  const groups = [
    { label: 'No copy', count: lacking.lost, tone: 'bad' },
    { label: 'One copy left', count: lacking.lastCopy, tone: 'warn' },
    { label: 'On a draining peer', count: lacking.draining, tone: 'accent' },
    { label: 'Fewer than required', count: lacking.others, tone: '' },
  ] as const
  return groups.filter(({ count }) => count > 0)
}
