import { errorTable } from '../../common/error-table.ts'
import { isErrorCode } from '../../common/errors.ts'
import type { FailedPair } from './failed-pairs.ts'
import type { Need } from './needs.ts'
import type { Refusal } from './placement.ts'
import type { Failure, QueuePlace } from './queue.ts'

/** What is known about a content whose copies lack. Times in milliseconds from now. */
export interface Situation {
  readonly need: Need
  /** Why nothing is copied at all just now. */
  readonly paused: string | undefined
  /** Peers that have it, lost ones too. */
  readonly holders: readonly string[]
  /** Connected peers whose file it is, whether they have it or not. */
  readonly liveOwners: readonly string[]
  /** Those among them whose copy does not count, because others got wrong bytes of it. */
  readonly doubted: readonly string[]
  /** Copies under way. */
  readonly running: readonly { readonly target: string; readonly forMs: number }[]
  readonly place: QueuePlace | undefined
  /** Until the delay of `place` ends. */
  readonly delayMs: number
  readonly failure: Failure | undefined
  /** At which peers it failed and waits for its next try. */
  readonly failedPairs: readonly (FailedPair & { readonly leftMs: number })[]
  /** Peers without a copy that may not take one. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** What there is on the disks of those without space, and what is kept free of it; in bytes. */
  readonly rooms: ReadonlyMap<
    string,
    { readonly freeBytes: number; readonly keptFreeBytes: number }
  >
  /** The peers among them that refused something lately, until they are asked again. */
  readonly rests: ReadonlyMap<
    string,
    { readonly code: string; readonly reason?: string | undefined; readonly leftMs: number }
  >
  /** How many peers may. */
  readonly eligible: number
}

/** Why copies lack, as sentences without a full stop; none when none lack. */
export function reasonsFor(situation: Situation): string[] {
  const { need, holders, doubted, paused, running, failure, place } = situation
  switch (need.kind) {
    case 'none':
    case 'drop':
      return []
    case 'lost': {
      const others = holders.filter((peerId) => !doubted.includes(peerId))
      if (holders.length === 0) return [goneSentence(situation)]
      if (others.length === 0) return doubtReasons(doubted)
      const lost = `no living peer has it; it waits for the return of ${listed(others)}`
      return [...doubtReasons(doubted), lost]
    }
    case 'copies': {
      const reasons = [
        ...doubtReasons(doubted),
        ...running.map(
          ({ target, forMs }) => `${target} has been making a copy for ${seconds(forMs)}`,
        ),
      ]
      if (paused !== undefined) reasons.push(paused)
      if (running.length < need.lacking) reasons.push(...failedPairReasons(situation))
      if (failure !== undefined && place?.state === 'delayed' && place.reason === 'failed')
        reasons.push(
          `the last try, on ${failure.target}, failed with ${explained(failure.code, failure.why)}; next try in ${seconds(situation.delayMs)}`,
        )
      else if (running.length < need.lacking) reasons.push(...waitingReasons(situation))
      return reasons.slice(0, reasonsMax)
    }
  }
}

/** An owner that is connected has not unshared it: its file is gone, or it cannot be read. */
function goneSentence({ liveOwners }: Situation): string {
  const [owner] = liveOwners
  if (owner === undefined) return 'no peer has it any more'
  return `no peer has a copy that can be read: the file is missing or unreadable at ${listed(liveOwners)}, which shared it; run \`tandem why\` or \`tandem problems\` there`
}

function doubtReasons(doubted: readonly string[]): string[] {
  if (doubted.length === 0) return []
  const who = listed(doubted)
  return [`wrong bytes came from ${who}: a copy there counts again when its peer has read it`]
}

/** What the protocol's reply has room for. */
const reasonsMax = 20

function failedPairReasons({ failedPairs }: Situation): string[] {
  const shown = failedPairs.slice(0, failedPairsShown)
  const reasons = shown.map(({ peerId, role, code, reason, leftMs, accusers }) => {
    const what = role === 'target' ? peerId : `reading it from ${peerId} at ${listed(accusers)}`
    return `${what} failed with ${explained(code, reason)}; next try in ${seconds(leftMs)}`
  })
  const more = failedPairs.length - shown.length
  return more > 0 ? [...reasons, `${more} more failed and wait for their next try`] : reasons
}

/** Of what failed at single peers; a person reads no more. */
const failedPairsShown = 8

function waitingReasons({
  place,
  delayMs,
  eligible,
  refusals,
  rests,
  failedPairs,
  rooms,
}: Situation): string[] {
  if (place?.state === 'delayed' && place.reason === 'settling')
    return [`it was found lacking just now and is placed in ${seconds(delayMs)}`]
  if (place?.state === 'delayed' && place.reason === 'confirming')
    return ['a peer reported a copy and has yet to announce it']
  if (place?.state === 'delayed' && place.reason === 'failed at peers') return []
  if (eligible > 0) return ['it waits for its turn: other contents are being copied']
  if (refusals.size === 0) return ['it waits for a place: there is no other peer']
  const reasons = [...refusals].flatMap(([peerId, refusal]) => {
    const isSaid = failedPairs.some((pair) => pair.role === 'target' && pair.peerId === peerId)
    if (isSaid && (refusal === 'waiting' || refusal === 'resting')) return []
    const rest = rests.get(peerId)
    return rest === undefined
      ? refusalSentence(peerId, refusal, rooms.get(peerId))
      : `${peerId} failed with ${explained(rest.code, rest.reason)}; next try in ${seconds(rest.leftMs)}`
  })
  return [...refusals.values()].every((refusal) => refusal === 'not live')
    ? ['it waits for a place: there is no other live peer', ...reasons]
    : reasons
}

function refusalSentence(
  peerId: string,
  refusal: Refusal,
  { freeBytes, keptFreeBytes } = { freeBytes: 0, keptFreeBytes: 0 },
): string {
  switch (refusal) {
    case 'not live':
      return `${peerId} is not live`
    case 'owner':
      return `${peerId} is its owner, which keeps no replica of its own file`
    case 'waiting':
      return `${peerId} failed and waits for its next try`
    case 'resting':
      return `${peerId} is left alone for a while`
    case 'no space':
      return `${peerId} lacks space for it: ${megabytes(freeBytes)} are free, of which ${megabytes(keptFreeBytes)} are kept free`
    case 'same zone':
      return `${peerId} is in the same zone as another copy`
  }
}

/** The code of an error with what the peer says of it, or else with when it happens. */
function explained(code: string, reason: string | undefined): string {
  if (reason !== undefined && reason !== '') return `${code} (${reason})`
  const [when] = isErrorCode(code) ? errorTable[code].when.split('. ', 1) : []
  return when === undefined ? code : `${code} (${when.replace(/\.$/, '')})`
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.ceil(ms / 1_000))} s`
}

/** At most five of `peerIds`, for a sentence. */
function listed(peerIds: readonly string[]): string {
  const named = peerIds.slice(0, 5).join(', ')
  return peerIds.length > 5 ? `${named} or ${peerIds.length - 5} others` : named
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
