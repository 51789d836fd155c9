import type { BackgroundWork } from '../../../common/background.ts'
import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { normalHost } from '../../../common/hosts.ts'
import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { MemberRecord } from '../../../common/protocol/mesh-messages.ts'
import type { RequestOf } from '../../../common/protocol/messages.ts'
import { type Random, randomId } from '../../../common/random.ts'
import type { Member } from '../member.ts'
import type { MeshSession } from '../mesh-handlers.ts'
import type { AskPrograms, ProgramFiles } from '../program/programs.ts'
import { RequestMeter } from '../request-meter.ts'
import { OpenQuery, type QueryHit, type QueryWhat, queryMs } from './open-query.ts'
import { checkQuery, type Query, type QueryRelay } from './query-relay.ts'

/** Queries whose time is over, for those who still read them. */
const endedKeptMs = 60_000
const queriesMax = 256
/** Queries of this peer's users and downloads; each makes all members of the mesh look. */
const ownRate = { perSecond: 5, burst: 50, keysMax: 1 }
/** What no member had is not asked for again for this long. */
const unansweredMs = 5_000
/** Hits that are taken at the same time. */
const takenMax = 32
/** For a holder to tell its copies. */
const learnMs = 5_000

interface Dependencies {
  readonly self: () => MemberRecord
  readonly members: () => readonly Member[]
  readonly relay: Pick<QueryRelay, 'askThoseWithPrograms' | 'pass'>
  readonly programs: AskPrograms
  /**
   * Has the own index learn which copies a member has of some contents.
   * @returns how many there are
   */
  readonly learnCopies: (
    peerId: string,
    sha256s: readonly string[],
    signal: AbortSignal,
  ) => Promise<number>
  /** A query of this peer is over. */
  readonly onEnded: (query: OpenQuery, durationMs: number) => void
  readonly work: Pick<BackgroundWork, 'start'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The queries of this peer. */
export class QueryAsker {
  readonly #dependencies: Dependencies
  readonly #queries = new Map<string, OpenQuery>()
  readonly #meter: RequestMeter
  #taking = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#meter = new RequestMeter(ownRate, dependencies)
  }

  /**
   * Asks the other members, or continues a query that asks the same.
   * @param options.ofPrograms whether only programs are asked
   * @throws AppError BAD_REQUEST if it asks for nothing, BUSY if this peer asks too often
   */
  ask(
    what: QueryWhat,
    { ttl = limits.queryTtlMax, ofPrograms = false }: { ttl?: number; ofPrograms?: boolean } = {},
  ): OpenQuery {
    checkQuery(what)
    const same = this.#sameAs(what, ofPrograms)
    if (same !== undefined) return same
    const { clock, random, work } = this.#dependencies
    if (!this.#meter.accepts('')) throw new AppError('BUSY')
    const query = new OpenQuery({ queryId: randomId(random, 16), what, ofPrograms }, { clock })
    this.#add(query)
    const asking = this.#ask(query, ttl)
    work.start('a query', async (signal) => {
      const startMs = clock.monotonicMs()
      await this.#untilAnswered(query, asking, signal)
      query.end()
      this.#dependencies.onEnded(query, clock.monotonicMs() - startMs)
      await clock.sleep(query.hits.length === 0 ? unansweredMs : endedKeptMs, signal)
      this.#queries.delete(query.queryId)
    })
    return query
  }

  /** @returns whether all who were asked have answered */
  async #ask(query: OpenQuery, ttl: number): Promise<boolean> {
    const { self, relay, programs } = this.#dependencies
    const { peerId, host, port } = self()
    const message = messageOf(query, { ttl, origin: { peerId, host, port } })
    const [isDone] = await Promise.all([
      query.ofPrograms ? relay.askThoseWithPrograms(message) : relay.pass(message),
      programs.askPrograms(query.queryId, query.what, async (found) => query.add(hitsOf(found))),
    ])
    return isDone
  }

  /** Returns when no more hits will follow, or the time of the query is over. */
  async #untilAnswered(
    query: OpenQuery,
    asking: Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#dependencies
    const answered = new AbortController()
    const either = AbortSignal.any([signal, answered.signal])
    const watching = asking.then(async (isDone) => {
      if (!isDone) return
      await query.checked(either)
      answered.abort()
    })
    watching.catch(() => {})
    await clock.sleep(queryMs, either).catch(() => {})
    answered.abort()
  }

  /** A query that runs, or has ended lately. @throws AppError QUERY_NOT_FOUND */
  find(queryId: string): OpenQuery {
    const query = this.#queries.get(queryId)
    if (query === undefined) throw new AppError('QUERY_NOT_FOUND', { queryId })
    return query
  }

  /**
   * A member says what it has. It counts once the member itself has told its copies: others cannot
   * speak for it, and the own index ranks it.
   */
  onHit(
    { queryId, files, program }: RequestOf<'query-hit'>,
    { id: peerId }: Pick<MeshSession, 'id'>,
  ): void {
    const query = this.#queries.get(queryId)
    if (query?.hasRoom !== true) return
    const asked = files.filter(query.asksFor)
    const member = this.#dependencies.members().find(({ record }) => record.peerId === peerId)
    if (member === undefined || asked.length === 0) return
    if (program !== undefined) return query.add(hitsOf({ program, files: asked }))
    if (this.#taking >= takenMax) return
    const { host, port } = member.record
    const { clock, learnCopies } = this.#dependencies
    this.#taking += 1
    const checking = query.checking()
    this.#dependencies.work.start('taking a hit', async (signal) => {
      using _ = checking
      try {
        const sha256s = [...new Set(asked.map(({ sha256 }) => sha256))]
        const deadline = { what: 'Learning what a member has', deadlineMs: learnMs, signal }
        const count = await withDeadline(deadline, clock, (inTime) =>
          learnCopies(peerId, sha256s, inTime),
        )
        if (count === 0) return
        query.add(asked.map((file): QueryHit => ({ ...file, peerId, host, port })))
      } catch (error) {
        signal.throwIfAborted()
        this.#dependencies.log.debug({ peerId, reason: reasonOf(error) }, 'a hit was of no use')
      } finally {
        this.#taking -= 1
      }
    })
  }

  #sameAs(asked: QueryWhat, isOfPrograms: boolean): OpenQuery | undefined {
    return this.#queries.values().find(({ what, ofPrograms, isOver, hits }) => {
      const isSame = isSameWhat(what, asked) && ofPrograms === isOfPrograms
      return isSame && (!isOver || hits.length === 0)
    })
  }

  #add(query: OpenQuery): void {
    this.#queries.set(query.queryId, query)
    for (const [oldest, { isOver }] of this.#queries) {
      if (this.#queries.size <= queriesMax) return
      if (isOver) this.#queries.delete(oldest)
    }
  }
}

function isSameWhat(one: QueryWhat, other: QueryWhat): boolean {
  const keys = ['name', 'sha256', 'pattern', 'search'] as const
  return keys.every((key) => one[key] === other[key])
}

/** What a program has; nothing if it says no address. */
function hitsOf({ program: { peerId, url }, files }: ProgramFiles): QueryHit[] {
  const parsed = URL.parse(url)
  if (parsed === null) return []
  const { hostname, port, protocol } = parsed
  const usualPort = protocol === 'https:' ? 443 : 80
  const at = { host: normalHost(hostname), port: Number(port || usualPort) }
  return files.map((file) => ({ ...file, peerId, ...at, url }))
}

function messageOf(
  { queryId, what }: OpenQuery,
  { ttl, origin }: Pick<Query, 'ttl' | 'origin'>,
): Query {
  const { name, sha256, pattern, search } = what
  return {
    queryId,
    ...(name !== undefined && { name }),
    ...(sha256 !== undefined && { sha256 }),
    ...(pattern !== undefined && { pattern }),
    ...(search !== undefined && { search }),
    ttl,
    origin,
  }
}
