import type { BackgroundWork } from '../../../common/background.ts'
import type { Clock } from '../../../common/clock.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { isLoopback, reachedHostProblem } from '../../../common/hosts.ts'
import { httpUrl } from '../../../common/http-url.ts'
import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { MemberRecord } from '../../../common/protocol/mesh-messages.ts'
import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import { formatAddress } from '../../../common/protocol/transport.ts'
import { isInPlainText } from '../../../common/request-program.ts'
import type { Member } from '../member.ts'
import {
  askedBy,
  type OpenQuery,
  type QueryHit,
  type QueryWhat,
  queryMs,
} from '../query/open-query.ts'
import type { QueryAsker } from '../query/query-asker.ts'
import type { SeenQueries } from '../query/seen-queries.ts'
import type { ProgramLink } from './program-link.ts'
import type { AskPrograms, Program, ProgramFiles, Programs } from './programs.ts'

const queryPath = '/api/mesh/query'
const hitPath = '/api/mesh/query-hit'

/** A program has so long to send its hits; later ones count while the query runs. */
const programMs = 1_000
/** Hits that programs may send for one query: each of them one, and some more. */
const hitsPerQueryMax = 128

/** What one holder has, as programs are told and tell it. */
export interface HolderFiles {
  readonly peerId: string
  /** An HTTP server at which the files can be read; with the token if it wants one. */
  readonly url: string
  readonly files: readonly QueryFile[]
}

/** A query that programs were asked, and where their hits go. */
interface Asked {
  readonly asksFor: ReturnType<typeof askedBy>
  /** Hits that are still taken. */
  hitsLeft: number
  /** Programs that have not answered. */
  readonly silent: Set<string>
  readonly onAllAnswered: () => void
  readonly onFiles: (found: ProgramFiles) => void
}

interface Dependencies {
  readonly programs: Programs
  readonly link: Pick<ProgramLink, 'post'>
  readonly self: () => MemberRecord
  readonly members: () => readonly Member[]
  readonly asker: () => Pick<QueryAsker, 'ask'>
  /** Programs have joined. */
  readonly onJoined: () => void
  /** What the own index knows. */
  readonly known: (what: QueryWhat, signal: AbortSignal) => Promise<readonly QueryHit[]>
  readonly seen: SeenQueries
  /** Whether the cluster is secured. */
  readonly isSecured: boolean
  readonly work: Pick<BackgroundWork, 'start'>
  readonly clock: Clock
  readonly log: Log
}

/** Has programs take part in the queries of the mesh: asks for them, and asks them. */
export class ProgramDesk implements AskPrograms {
  readonly #dependencies: Dependencies
  /** By query id, oldest first. */
  readonly #asked = new Map<string, Asked>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** The number of programs that take part through this peer. */
  get count(): number {
    return this.#dependencies.programs.count
  }

  /** Whether a program takes part through this peer, and listens there. */
  has(peerId: string, url: string): boolean {
    return this.#dependencies.programs.isAt(peerId, url)
  }

  /**
   * Adds a program.
   * @returns other members that it may turn to
   * @throws AppError BAD_REQUEST, PEER_ID_TAKEN, PROGRAM_ID_TAKEN, PROGRAMS_FULL
   */
  join({ url, ...program }: Program): { peerId: string; url: string }[] {
    const { programs, members, self } = this.#dependencies
    const { peerId } = program
    const all = members().filter(({ state }) => state === 'live')
    const same = [self(), ...all.map(({ record }) => record)].find((one) => one.peerId === peerId)
    if (same !== undefined)
      throw new AppError('PEER_ID_TAKEN', { peerId, address: formatAddress(same) })
    programs.join({ ...program, url: programUrl(url, this.#dependencies) })
    this.#dependencies.onJoined()
    return all
      .map(({ record }) => ({ peerId: record.peerId, url: this.#openUrl(record, url) ?? '' }))
      .filter((member) => member.url !== '')
      .slice(0, limits.membersToldMax)
  }

  /** See {@link Programs.heard}. */
  heard(...told: Parameters<Programs['heard']>): void {
    this.#dependencies.programs.heard(...told)
  }

  /**
   * Asks the mesh for a program. Hits are sent to it as they arrive.
   * @returns what is known here
   * @throws AppError PROGRAM_UNKNOWN if the origin has not joined, BAD_REQUEST, BUSY
   */
  async ask(
    { queryId, ttl, origin, ...what }: QueryWhat & { queryId: string; ttl: number; origin: string },
    signal: AbortSignal,
  ): Promise<HolderFiles[]> {
    const { programs, asker, known, seen, work } = this.#dependencies
    const program = programs.withUrl(programUrl(origin, this.#dependencies))
    programs.heard(program.peerId)
    if (seen.has(queryId)) return []
    const query = asker().ask(what, { ttl })
    seen.add(queryId)
    work.start('telling a program', (ended) => this.#tell(program, queryId, query, ended))
    return byHolder(await known(what, signal), (hit) => this.#urlOf(hit, program.url))
  }

  async askPrograms(
    ...[queryId, what, onFiles]: Parameters<AskPrograms['askPrograms']>
  ): Promise<void> {
    const { programs } = this.#dependencies
    const told = programs.matching(what)
    const telling = told.map(onFiles)
    const hasTold = new Set(told.map(({ program }) => program.peerId))
    const answering = programs.answering.filter(({ peerId }) => !hasTold.has(peerId))
    if (answering.length > 0)
      await this.#ask(queryId, { what, answering }, (found) => telling.push(onFiles(found)))
    await Promise.all(telling)
  }

  /** Returns when all have answered, or had time to. */
  async #ask(
    queryId: string,
    { what, answering }: { what: QueryWhat; answering: readonly Program[] },
    onFiles: Asked['onFiles'],
  ): Promise<void> {
    const answered = new AbortController()
    const asked: Asked = {
      asksFor: askedBy(what),
      onFiles,
      hitsLeft: hitsPerQueryMax,
      silent: new Set(answering.map(({ peerId }) => peerId)),
      onAllAnswered: () => answered.abort(),
    }
    this.#asked.set(queryId, asked)
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= limits.programQueriesMax) break
      this.#asked.delete(oldest)
    }
    for (const program of answering) {
      const { name, sha256, pattern, search } = what
      const origin = this.#ownUrl
      const body = { queryId, name, sha256, pattern, search, ttl: 0, origin }
      this.#post(program, queryPath, body, () => onAnswer(asked, program))
    }
    await this.#dependencies.clock.sleep(programMs, answered.signal).catch(() => {})
  }

  /**
   * A program has files that a query is about; ignored if that is over.
   * @throws AppError PROGRAM_UNKNOWN
   */
  onHit(queryId: string, { peerId, files }: Omit<HolderFiles, 'url'>): void {
    const { programs } = this.#dependencies
    const program = programs.get(peerId)
    programs.heard(peerId)
    const asked = this.#asked.get(queryId)
    if (asked === undefined || asked.hitsLeft === 0) return
    asked.hitsLeft -= 1
    const fitting = files.filter(asked.asksFor)
    if (fitting.length > 0) asked.onFiles({ program, files: fitting })
    onAnswer(asked, program)
  }

  /** Tells hits of members to a program as they arrive. */
  async #tell(
    program: Program,
    queryId: string,
    query: OpenQuery,
    signal: AbortSignal,
  ): Promise<void> {
    let told = 0
    while (!query.isOver) {
      await query.more(told, queryMs, signal)
      const hits = query.hits.slice(told).filter(({ peerId }) => peerId !== program.peerId)
      told = query.hits.length
      for (const holder of byHolder(hits, (hit) => this.#urlOf(hit, program.url)))
        this.#post(program, hitPath, { queryId, ...holder })
    }
  }

  /** @param onRefused called if the program does not take it */
  #post(program: Program, path: string, body: object, onRefused = (): void => {}): void {
    const { link, work, log } = this.#dependencies
    work.start('telling a program', async (signal) => {
      try {
        await link.post(program, path, body, signal)
      } catch (error) {
        const { peerId } = program
        onRefused()
        if (!signal.aborted) log.debug({ peerId, reason: reasonOf(error) }, 'not told to a program')
      }
    })
  }

  /** Where a program reads the files of a hit: at the holder or, if it cannot, at this peer, which has them sent. */
  #urlOf({ peerId, url }: QueryHit, programUrlText: string): string {
    if (url !== undefined) return url
    const { members } = this.#dependencies
    const member = members().find(({ record }) => record.peerId === peerId)
    return (member && this.#openUrl(member.record, programUrlText)) ?? this.#ownUrl
  }

  get #ownUrl(): string {
    const { http, host } = this.#dependencies.self()
    return httpUrl({ port: 0, ...http, host: http?.host ?? host })
  }

  /** The HTTP server of a member, if it wants no token and the program can reach it. */
  #openUrl({ http, host }: MemberRecord, programUrlText: string): string | undefined {
    if (http === undefined || http.needsToken === true) return undefined
    const place = { ...http, host: http.host ?? host }
    const isHere = isLoopback(new URL(programUrlText).hostname)
    return isLoopback(place.host) && !isHere ? undefined : httpUrl(place)
  }
}

function onAnswer({ silent, onAllAnswered }: Asked, { peerId }: Program): void {
  silent.delete(peerId)
  if (silent.size === 0) onAllAnswered()
}

/**
 * @param isSecured whether the cluster is: then names are sent in plain text only within this machine
 * @returns the address of a program's server, in one form
 * @throws AppError BAD_REQUEST
 */
export function programUrl(text: string, { isSecured }: { readonly isSecured: boolean }): string {
  const refused = (reason: string): AppError => new AppError('BAD_REQUEST', { path: 'url', reason })
  const url = URL.parse(text)
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  const isAddress = url !== null && `${url.origin}/` === url.href && /^https?:$/.test(url.protocol)
  if (!isAddress || reachedHostProblem(host))
    throw refused('must be http://HOST:PORT or https://HOST:PORT')
  if (isSecured && isInPlainText(url))
    throw refused('must be https://HOST:PORT: the cluster is secured')
  return url.origin
}

function byHolder(hits: readonly QueryHit[], urlOf: (hit: QueryHit) => string): HolderFiles[] {
  const holders = new Map<string, HolderFiles & { files: QueryFile[] }>()
  for (const hit of hits) {
    const { peerId } = hit
    const holder = holders.get(peerId) ?? { peerId, url: urlOf(hit), files: [] }
    if (holder.files.length < limits.queryHitFilesMax) holder.files.push(fileOf(hit))
    holders.set(peerId, holder)
  }
  return [...holders.values()]
}

function fileOf({ name, sha256, size, modifiedMs }: QueryHit): QueryFile {
  return { name, sha256, size, ...(modifiedMs !== undefined && { modifiedMs }) }
}
