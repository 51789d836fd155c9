import { errorTable } from '../../common/error-table.ts'
import { isErrorCode } from '../../common/errors.ts'
import type { Flapping } from '../flapping.ts'
import type { FailedPair } from './failed-pairs.ts'
import type { Need } from './needs.ts'
import type { Refusal } from './placement.ts'
import type { Failure, QueuePlace } from './queue.ts'

/** What is known about a content that lacks copies. Times in milliseconds from now. */
export interface Situation {
  readonly need: Need
  /** Why copying is paused altogether. */
  readonly paused: string | undefined
  /** Peers that have it, including lost ones. */
  readonly holders: readonly string[]
  /** Connected owners of the file, whether they have the content or not. */
  readonly liveOwners: readonly string[]
  /** Holders whose copy does not count, because others received wrong bytes of it. */
  readonly doubted: readonly string[]
  /** Holders whose copy does not count, because they have not proven it. */
  readonly unproven: readonly string[]
  /** Holders whose copy does not count, because they are drained. */
  readonly draining: readonly string[]
  /** Running copies. */
  readonly running: readonly { readonly target: string; readonly forMs: number }[]
  readonly place: QueuePlace | undefined
  /** Until the delay of `place` ends. */
  readonly delayMs: number
  readonly failure: Failure | undefined
  /** Peers where it failed and waits for a retry. */
  readonly failedPairs: readonly (FailedPair & { readonly leftMs: number })[]
  /** Peers without a copy that cannot take one. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** The size of the content. */
  readonly sizeBytes: number
  readonly rooms: ReadonlyMap<string, ExplainedRoom>
  /** Resting peers among them: those that recently refused a task, until they are asked again. */
  readonly rests: ReadonlyMap<
    string,
    { readonly code: string; readonly reason?: string | undefined; readonly leftMs: number }
  >
  /** Peers that come and go. */
  readonly flapping: ReadonlyMap<string, Flapping>
  /** Number of peers that can take a copy. */
  readonly eligible: number
}

/** The space on a peer, in bytes. */
export interface ExplainedRoom {
  /** For further copies. */
  readonly roomBytes: number
  readonly freeBytes: number
  /** The part of it that is reserved. */
  readonly keptFreeBytes: number
  /** What it gives to the cluster, if limited, and what of that is used. */
  readonly capacityBytes: number | undefined
  readonly replicaBytes: number
}

/** Why copies are missing, as sentences without a full stop; empty if none are. */
export function reasonsFor(situation: Situation): string[] {
  const { need, holders, doubted, paused, running, failure, place } = situation
  switch (need.kind) {
    case 'none':
    case 'drop':
    case 'surplus':
      return []
    case 'lost': {
      const others = holders.filter(
        (peerId) => !doubted.includes(peerId) && !situation.unproven.includes(peerId),
      )
      if (holders.length === 0) return [goneSentence(situation)]
      const doubts = [...doubtReasons(doubted), ...unprovenReasons(situation)]
      if (others.length === 0) return doubts
      return [...doubts, `no live peer has it; it waits for ${listed(others)} to return`]
    }
    case 'copies': {
      if (need.urgency === 'move') return []
      const reasons = [
        ...doubtReasons(doubted),
        ...unprovenReasons(situation),
        ...drainReasons(situation.draining),
        ...running.map(
          ({ target, forMs }) => `${target} has been making a copy for ${seconds(forMs)}`,
        ),
      ]
      if (paused !== undefined) reasons.push(paused)
      if (running.length < need.lacking) reasons.push(...failedPairReasons(situation))
      if (failure !== undefined && place?.state === 'delayed' && place.reason === 'failed')
        reasons.push(
          `the last attempt, on ${failure.target}, failed with ${explained(failure.code, failure.why)}; next attempt in ${seconds(situation.delayMs)}`,
        )
      else if (running.length < need.lacking) reasons.push(...waitingReasons(situation))
      return reasons.slice(0, reasonsMax)
    }
  }
}

/** A connected owner has not unshared it: its file is gone or unreadable. */
function goneSentence({ liveOwners }: Situation): string {
  const [owner] = liveOwners
  if (owner === undefined) return 'no peer has it'
  return `no peer has a readable copy: the file is missing, unreadable or damaged at ${listed(liveOwners)}, which shared it; run \`tandem why\` or \`tandem problems\` there`
}

function doubtReasons(doubted: readonly string[]): string[] {
  if (doubted.length === 0) return []
  const who = listed(doubted)
  return [`wrong bytes were received from ${who}: its copy counts again once verified`]
}

function unprovenReasons({ unproven }: Situation): string[] {
  if (unproven.length === 0) return []
  return [
    `${listed(unproven)} has not proven that it has its copy, which does not count until it does`,
  ]
}

function drainReasons(draining: readonly string[]): string[] {
  if (draining.length === 0) return []
  return [`${listed(draining)} is being drained: its copy does not count`]
}

/** Maximum number of reasons in the reply. */
const reasonsMax = 20

export function failedPairReasons({ failedPairs }: Pick<Situation, 'failedPairs'>): string[] {
  const shown = failedPairs.slice(0, failedPairsShown)
  const reasons = shown.map(({ peerId, role, code, reason, leftMs, accusers }) => {
    const what = role === 'target' ? peerId : `reading it from ${peerId} at ${listed(accusers)}`
    return `${what} failed with ${explained(code, reason)}; next attempt in ${seconds(leftMs)}`
  })
  const more = failedPairs.length - shown.length
  return more > 0 ? [...reasons, `${more} more failed and wait for a retry`] : reasons
}

/** Failures listed individually; more are not read. */
const failedPairsShown = 8

/** Why a content that lacks copies is not being copied. */
export function waitingReasons({
  place,
  delayMs,
  eligible,
  refusals,
  rests,
  failedPairs,
  sizeBytes,
  rooms,
  flapping,
}: Omit<Situation, 'need'>): string[] {
  if (place?.state === 'delayed' && place.reason === 'settling')
    return [`copies were just found missing; copying starts in ${seconds(delayMs)}`]
  if (place?.state === 'delayed' && place.reason === 'confirming')
    return ['a peer reported a copy but has not announced it yet']
  if (place?.state === 'delayed' && place.reason === 'failed at peers') return []
  if (eligible > 0) return ['it is queued: other contents are being copied']
  if (refusals.size === 0) return ['no room for another copy: there is no other peer']
  const reasons = [...refusals].flatMap(([peerId, refusal]) => {
    const isSaid = failedPairs.some((pair) => pair.role === 'target' && pair.peerId === peerId)
    if (isSaid && (refusal === 'waiting' || refusal === 'resting')) return []
    const rest = rests.get(peerId)
    return rest === undefined
      ? refusalSentence(peerId, refusal, {
          sizeBytes,
          room: rooms.get(peerId),
          flapping: flapping.get(peerId),
        })
      : `${peerId} failed with ${explained(rest.code, rest.reason)}; next attempt in ${seconds(rest.leftMs)}`
  })
  return [...refusals.values()].every((refusal) => refusal === 'not live')
    ? ['no room for another copy: there is no other live peer', ...reasons]
    : reasons
}

interface Space {
  readonly sizeBytes: number
  readonly room: ExplainedRoom | undefined
}

interface RefusalFacts extends Space {
  readonly flapping: Flapping | undefined
}

function refusalSentence(
  peerId: string,
  refusal: Refusal,
  { flapping: { breaks, leftMs } = { breaks: 0, leftMs: 0 }, ...space }: RefusalFacts,
): string {
  switch (refusal) {
    case 'not live':
      return `${peerId} is not live`
    case 'draining':
      return `${peerId} is being drained`
    case 'distrusted':
      return `${peerId} has many unproven copies: it receives no new ones`
    case 'maintenance':
      return `${peerId} is in maintenance`
    case 'owner':
      return `${peerId} is its owner, which keeps no replica of its own file`
    case 'waiting':
      return `${peerId} failed and waits for a retry`
    case 'resting':
      return `${peerId} rests after a failure`
    case 'no space':
      return `${peerId} ${lackSentence(space)}`
    case 'flapping':
      return `${peerId} disconnected ${breaks} times recently: it receives new copies after staying for another ${seconds(leftMs)}`
    case 'same zone':
      return `${peerId} is in the same zone as another copy`
  }
}

function lackSentence({ sizeBytes, room }: Space): string {
  if (room === undefined) return 'lacks space for it'
  const { roomBytes, freeBytes, keptFreeBytes, capacityBytes = Infinity, replicaBytes } = room
  const lacking = `lacks ${sized(sizeBytes - roomBytes)} for it`
  return capacityBytes - replicaBytes < freeBytes - keptFreeBytes
    ? `${lacking}: it offers ${sized(capacityBytes)} to the cluster, of which ${sized(replicaBytes)} are used`
    : `${lacking}: ${sized(freeBytes)} are free, of which ${sized(keptFreeBytes)} are reserved`
}

/** The error code with the peer's reason or, without one, with the meaning of the code. */
function explained(code: string, reason: string | undefined): string {
  if (reason !== undefined && reason !== '') return `${code} (${reason})`
  const [when] = isErrorCode(code) ? errorTable[code].when.split('. ', 1) : []
  return when === undefined ? code : `${code} (${when.replace(/\.$/, '')})`
}

export function seconds(ms: number): string {
  return `${Math.max(0, Math.ceil(ms / 1_000))} s`
}

/** At most five of `peerIds`, for a sentence. */
export function listed(peerIds: readonly string[]): string {
  const named = peerIds.slice(0, 5).join(', ')
  return peerIds.length > 5 ? `${named} or ${peerIds.length - 5} others` : named
}

/** A size with one decimal: `1.2 GB`. */
function sized(bytes: number): string {
  if (bytes < 100_000) return `${Math.ceil(bytes)} B`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
