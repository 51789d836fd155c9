import type { BackgroundWork } from '../../../common/background.ts'
import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { reachedHostProblem } from '../../../common/hosts.ts'
import type { Log } from '../../../common/log.ts'
import type { ReplyOf, RequestOf } from '../../../common/protocol/messages.ts'
import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import type { Random } from '../../../common/random.ts'
import type { ImproperClaims } from '../improper-claims.ts'
import { isPresent, type Member } from '../member.ts'
import type { MemberConnections, Target } from '../member-connections.ts'
import type { MeshSession } from '../mesh-handlers.ts'
import type { AskPrograms } from '../program/programs.ts'
import { RequestMeter } from '../request-meter.ts'
import type { QueryWhat } from './open-query.ts'
import { neighboursFor, someWithPrograms } from './query-neighbours.ts'
import { SeenQueries } from './seen-queries.ts'

/** Queries that one host sends: those of a busy mesh, of which each member hears most. */
const perHost = { perSecond: 100, burst: 300, keysMax: 1_000 }
/** Queries that this peer takes in total: beyond it, looking and passing on would slow its own work. */
const inTotal = { perSecond: 200, burst: 400, keysMax: 1 }
/** Hits to origins that are no known members: one may have joined just now, made-up ones get few. */
const toStrangers = { perSecond: 1, burst: 5, keysMax: 1 }
/** Queries that are answered and passed on at the same time; further ones are dropped. */
const workMax = 256
/** To look, and for a neighbour to answer a query and have others answer it. */
const stepMs = 5_000

export type Query = RequestOf<'query'>

interface Dependencies {
  readonly ownId: string
  readonly members: () => readonly Member[]
  readonly link: Pick<MemberConnections, 'request'>
  /** The files of this peer itself that a query is about. */
  readonly answer: (query: Query, signal: AbortSignal) => Promise<readonly QueryFile[]>
  /** Programs that take part through this peer. */
  readonly programs: AskPrograms
  /** This peer has answered a query of another member. */
  readonly onAnswered: (query: Query, files: readonly QueryFile[]) => void
  readonly work: Pick<BackgroundWork, 'start'>
  readonly improper: Pick<ImproperClaims, 'report'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Answers the queries of other members, and passes them on. */
export class QueryRelay {
  readonly #dependencies: Dependencies
  readonly #seen: SeenQueries
  readonly #perHost: RequestMeter
  readonly #inTotal: RequestMeter
  readonly #toStrangers: RequestMeter
  #working = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#seen = new SeenQueries(dependencies)
    this.#perHost = new RequestMeter(perHost, dependencies)
    this.#inTotal = new RequestMeter(inTotal, dependencies)
    this.#toStrangers = new RequestMeter(toStrangers, dependencies)
  }

  /**
   * Answers a query, and passes it on.
   * @returns whether all who heard it through this peer have answered: no more hits will follow from them
   * @throws AppError BUSY if they are too many, BAD_REQUEST if it asks for nothing
   */
  async take(query: Query, session: MeshSession): Promise<boolean> {
    const { ownId, improper } = this.#dependencies
    checkQuery(query)
    if (!this.#perHost.accepts(session.host)) {
      improper.report({ peerId: session.id, host: session.host }, 'too many queries')
      throw new AppError('BUSY')
    }
    if (query.origin.peerId === ownId || this.#seen.has(query.queryId)) return true
    if (this.#working >= workMax || !this.#inTotal.accepts('')) throw new AppError('BUSY')
    this.#seen.add(query.queryId)
    const done = await Promise.all([
      this.#start('answering a query', (signal) => this.#answer(query, signal)),
      this.pass(query, session.id),
    ])
    return !done.includes(false)
  }

  /**
   * Passes a query on to some members, if it may be: one of this peer's own, too.
   * @returns whether all of them, and those that they asked, have answered
   */
  async pass({ ttl, ...query }: Query, sender?: string): Promise<boolean> {
    const { members, random } = this.#dependencies
    if (sender === undefined) this.#seen.add(query.queryId)
    if (ttl === 0) return true
    const among = { sender, origin: query.origin.peerId }
    return await this.#passTo(neighboursFor(members(), among, random), { ...query, ttl: ttl - 1 })
  }

  /**
   * Sends a query of this peer to members through which programs take part; they do not pass it on.
   * @returns whether all of them have answered
   */
  async askThoseWithPrograms(query: Omit<Query, 'ttl'>): Promise<boolean> {
    const { members, random } = this.#dependencies
    this.#seen.add(query.queryId)
    return await this.#passTo(someWithPrograms(members(), random), { ...query, ttl: 0 })
  }

  async #passTo(members: readonly Member[], query: Query): Promise<boolean> {
    const passing = members.map(({ record }) =>
      this.#start('passing a query on', async (signal) => {
        const reply = await this.#send(targetOf(record), 'query', query, signal)
        return reply.isDone === true
      }),
    )
    return !(await Promise.all(passing)).includes(false)
  }

  /** @returns what `work` does; false if it fails */
  async #start(what: string, work: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
    const { clock, log } = this.#dependencies
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#working += 1
    this.#dependencies.work.start(what, async (signal) => {
      try {
        resolve(await withDeadline({ what, deadlineMs: stepMs, signal }, clock, work))
      } catch (error) {
        log.debug({ what, reason: reasonOf(error) }, 'a query went no further')
      } finally {
        this.#working -= 1
        resolve(false)
      }
    })
    return await promise
  }

  async #answer(query: Query, signal: AbortSignal): Promise<boolean> {
    const { answer, programs } = this.#dependencies
    const { queryId } = query
    const asking = programs.askPrograms(queryId, query, async ({ program, files }) => {
      const { peerId, url } = program
      const hit = { queryId, files: [...files], program: { peerId, url } }
      await this.#start('telling what a program has', async (ended) => {
        await this.#tell(query, hit, ended)
        return true
      })
    })
    const files = await answer(query, signal)
    if (files.length > 0) await this.#tell(query, { queryId, files: [...files] }, signal)
    await asking
    return true
  }

  /** Sends a hit to the origin. */
  async #tell(query: Query, hit: RequestOf<'query-hit'>, signal: AbortSignal): Promise<void> {
    const origin = this.#originOf(query)
    if (origin === undefined) return
    await this.#send(origin, 'query-hit', hit, signal)
    this.#dependencies.onAnswered(query, hit.files)
  }

  /**
   * Where hits go: a query cannot make many members dial an address at which there is no member.
   */
  #originOf({ origin }: Query): Target | undefined {
    const { peerId, host, port } = origin
    const member = this.#dependencies.members().find(({ record }) => record.peerId === peerId)
    if (member !== undefined && isPresent(member)) return targetOf(member.record)
    if (reachedHostProblem(host) !== undefined || !this.#toStrangers.accepts('')) return undefined
    return { peerId, address: { host, port } }
  }

  async #send<T extends 'query' | 'query-hit'>(
    target: Target,
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>> {
    return await this.#dependencies.link.request(target, type, body, signal)
  }
}

/** @throws AppError BAD_REQUEST */
export function checkQuery({ name, sha256, pattern, search }: QueryWhat): void {
  const ways = [name ?? sha256, pattern, search].filter((way) => way !== undefined)
  if (ways.length === 1) return
  const reason = 'must be a name, a sha256 or both; or a pattern; or a search'
  throw new AppError('BAD_REQUEST', { path: 'name', reason })
}

function targetOf({ peerId, host, port }: Member['record']): Target {
  return { peerId, address: { host, port } }
}
