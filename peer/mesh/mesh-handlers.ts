import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { MemberClaim, MemberRecord, MeshMessage } from '../../common/protocol/mesh-messages.ts'
import { formatAddress } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { someOf } from './choose-members.ts'
import type { ImproperClaims } from './improper-claims.ts'
import type { Knowledge } from './knowledge.ts'
import { isPresent, toClaim } from './member.ts'
import type { Membership, Teller } from './membership.ts'
import type { Prober } from './prober.ts'
import { RequestMeter } from './request-meter.ts'

/** The requester on a connection. */
export interface MeshSession {
  /** Its peer id, as it says. */
  readonly id: string
  /** The address it comes from. */
  readonly host: string
}

export type MeshHandlers = Pick<Handlers<'peer', 'peer', MeshSession>, MeshMessage>

/**
 * Requests per second of one host: a thousand members on it send 30, and a joiner for a moment as many
 * as there are catalogs.
 */
const rate = { perSecond: 300, burst: 3_000, keysMax: limits.meshMembersMax }
/** What a request counts that is answered with all members. */
const longCost = 20
/** Catalogs of many files are sent to this many members at the same time; others ask elsewhere. */
const sendingMax = 8

interface Dependencies {
  readonly membership: Membership
  readonly knowledge: Knowledge
  readonly prober: Pick<Prober, 'reaches'>
  readonly improper: Pick<ImproperClaims, 'report'>
  readonly clock: Clock
  readonly random: Random
  /** Aborted when this peer stops. */
  readonly stop: AbortSignal
}

/** Answers other members. */
export function meshHandlers(dependencies: Dependencies): MeshHandlers {
  const { membership, knowledge, prober, improper, stop } = dependencies
  const { table } = membership
  const meter = new RequestMeter(rate, dependencies)
  let sending = 0

  /** @throws AppError STOPPING, BUSY */
  const greet = ({ id, host }: MeshSession, cost = 1): Teller => {
    if (stop.aborted) throw new AppError('STOPPING')
    if (!meter.accepts(host, cost)) {
      improper.report({ peerId: id, host }, 'too many requests')
      throw new AppError('BUSY')
    }
    membership.heard(id)
    return { peerId: id, host }
  }

  return {
    gossip: async ({ news = [], wanted = [] }, session) => {
      const teller = greet(session)
      membership.merge(news, teller)
      const claims = membership.claimsFor(teller.peerId, wanted)
      return { hash: table.hash, ...(claims.length === 0 ? {} : { news: claims }) }
    },

    'mesh-join': async ({ record }, session, signal) => {
      const teller = greet(session, longCost)
      await checkId(record, dependencies, AbortSignal.any([signal, stop]))
      membership.merge([{ record }], teller)
      return { members: membersFor(record.peerId, dependencies) }
    },

    'mesh-digest': async ({ buckets }, session) => {
      greet(session, longCost)
      const groups = table.differing(buckets)
      const told = table.inGroups(groups).filter(({ isKnown }) => isKnown)
      const rows = told.map((member) => {
        const { record, state } = toClaim(member)
        const { peerId, generation, version } = record
        return { peerId, generation, version, ...(state === undefined ? {} : { state }) }
      })
      return { groups, rows }
    },

    'mesh-changes': async ({ peerId, epoch, after, isInventory }, session) => {
      greet(session)
      if (sending >= sendingMax) throw new AppError('BUSY')
      sending += 1
      try {
        const announcement = await knowledge.announcementAfter(peerId, epoch, after, isInventory)
        const member = table.get(peerId)
        return {
          ...(member === undefined ? {} : { member: toClaim(member) }),
          ...(announcement === undefined ? {} : { announcement }),
        }
      } finally {
        sending -= 1
      }
    },

    'probe-for': async ({ peerId }, session, signal) => {
      greet(session)
      const member = table.get(peerId)
      if (peerId === membership.peerId) return { isLive: true }
      if (member === undefined || !isPresent(member)) return { isLive: false }
      return { isLive: await prober.reaches(member, AbortSignal.any([signal, stop])) }
    },
  }
}

/**
 * A process that joins may have an id that another one uses: that one keeps it as long as it answers. At
 * the same address it can only have been replaced.
 * @throws AppError PEER_ID_TAKEN
 */
async function checkId(
  { peerId, epoch, host, port }: MemberRecord,
  { membership, prober }: Pick<Dependencies, 'membership' | 'prober'>,
  signal: AbortSignal,
): Promise<void> {
  const known = membership.table.get(peerId)
  if (known === undefined || known.record.epoch === epoch) return
  const { record } = known
  const taken = new AppError('PEER_ID_TAKEN', { peerId, address: formatAddress(record) })
  if (peerId === membership.peerId) throw taken
  const isSamePlace = record.host === host && record.port === port
  if (!isSamePlace && isPresent(known) && (await prober.reaches(known, signal))) throw taken
}

/** This peer first, then what is known of the one that joins, which may have to contradict it. */
function membersFor(
  joining: string,
  { membership, random }: Pick<Dependencies, 'membership' | 'random'>,
): MemberClaim[] {
  const others = membership.others.filter((other) => other !== joining)
  const told = someOf(others, limits.meshRecordsMax - 2, random)
  return [...new Set([membership.peerId, joining, ...told])].flatMap((peerId) => {
    const member = membership.table.get(peerId)
    if (member === undefined) return []
    return member.isKnown || peerId === joining ? [toClaim(member)] : []
  })
}
