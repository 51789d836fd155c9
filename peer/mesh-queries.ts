/** Has the members of a mesh asked for what this peer's own index does not know. */
import { BackgroundWork } from '../common/background.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import type { MemberRecord } from '../common/protocol/mesh-messages.ts'
import type { Change } from '../common/protocol/messages.ts'
import type { QueryFile } from '../common/protocol/query-messages.ts'
import { formatAddress } from '../common/protocol/transport.ts'
import type { ProgramFiles } from './fetch/program/program-files.ts'
import { type Elsewhere, type FoundElsewhere, foundNowhere } from './find/elsewhere.ts'
import type { Finder } from './find/finder.ts'
import type { AnsweredQuery, QueryLog } from './history/query-log.ts'
import type { PeerDependencies } from './join-cluster.ts'
import type { HeldFiles } from './mesh/concerning-change.ts'
import { ImproperClaims } from './mesh/improper-claims.ts'
import type { MemberConnections } from './mesh/member-connections.ts'
import type { Mesh } from './mesh/mesh.ts'
import type { MeshSession } from './mesh/mesh-handlers.ts'
import type { Mirrors } from './mesh/mirrors.ts'
import { ProgramDesk } from './mesh/program/program-desk.ts'
import { ProgramLink } from './mesh/program/program-link.ts'
import { Programs } from './mesh/program/programs.ts'
import { type OpenQuery, type QueryHit, type QueryWhat, queryMs } from './mesh/query/open-query.ts'
import { QueryAsker } from './mesh/query/query-asker.ts'
import { isWithPrograms } from './mesh/query/query-neighbours.ts'
import { type Query, QueryRelay } from './mesh/query/query-relay.ts'
import { SeenQueries } from './mesh/query/seen-queries.ts'
import { programContents } from './program-sources.ts'
import type { MeshHandlers } from './serve/serve-handlers.ts'
import { putOf } from './share/catalog-rows.ts'
import type { Share } from './share/share.ts'

/** After the first hit others are awaited for this long, so that there are several sources. */
const moreHitsMs = 200
/** Pages of matches that are compared with what this peer has. */
const matchPagesMax = 10
/** Copies of one content that are told. */
const copiesPerContent = 4

export interface QueryParts {
  readonly share: Pick<Share, 'find' | 'first' | 'get' | 'holds'>
  readonly finder: Pick<Finder, 'known' | 'match' | 'searchKnown'>
  readonly queries: Pick<QueryLog, 'add'>
  /** What may be fetched from programs. */
  readonly programFiles: Pick<ProgramFiles, 'hasLied' | 'note'>
}

/** The queries of a member. */
export interface MeshQueries {
  readonly handlers: Pick<MeshHandlers, 'query' | 'query-hit' | 'mesh-copies'>
  readonly asker: Pick<QueryAsker, 'ask' | 'find'>
  readonly programs: Pick<ProgramDesk, 'join' | 'heard' | 'ask' | 'onHit' | 'count'>
  /** Asks the members, if the own index does not know everything; or those with programs. */
  readonly elsewhere: Elsewhere
  /** Asks those with programs. */
  readonly atPrograms: Elsewhere
}

/** Stopped with `starting`. */
export function startQueries(
  starting: AsyncDisposableStack,
  parts: QueryParts & {
    readonly mesh: Pick<Mesh, 'members' | 'self' | 'tellNews'>
    readonly mirrors: Pick<Mirrors, 'learnCopies'>
    readonly connections: Pick<MemberConnections, 'request'>
    /** As other members know it. */
    readonly catalog: { readonly epoch: string; readonly lastSeq: number }
    /** Whether the own index knows the catalogs of all members. */
    readonly knowsAll: () => boolean
  },
  dependencies: PeerDependencies,
): MeshQueries {
  const { mesh, mirrors, connections, catalog, share, queries, knowsAll } = parts
  const work = starting.use(new BackgroundWork(dependencies))
  const own = { ...dependencies, work, members: () => mesh.members(), self: () => mesh.self }
  const programs = new ProgramDesk({
    ...own,
    programs: new Programs(dependencies),
    link: new ProgramLink(dependencies),
    isSecured: dependencies.identity !== undefined,
    asker: () => asker,
    onJoined: () => mesh.tellNews(),
    seen: new SeenQueries(dependencies),
    known: (what, signal) => knownHits(what, { ...parts, self: mesh.self }, signal),
  })
  const relay = new QueryRelay({
    ...own,
    ownId: mesh.self.peerId,
    link: connections,
    improper: new ImproperClaims(dependencies),
    programs,
    answer: (query, signal) => answerTo(query, parts, signal),
    onAnswered: (query, files) => noteAnswered(query, files, mesh, queries),
  })
  const asker: QueryAsker = new QueryAsker({
    ...own,
    relay,
    programs,
    learnCopies: (...asked) => mirrors.learnCopies(...asked),
    onEnded: (query, durationMs) => noteEnded(query, { durationMs, mesh, queries }),
  })
  const finding = { asker, programs, mesh, files: parts.programFiles }
  return {
    asker,
    programs,
    elsewhere: {
      find: (what, signal) => find(what, { ...finding, ofPrograms: knowsAll() }, signal),
    },
    atPrograms: { find: (what, signal) => find(what, { ...finding, ofPrograms: true }, signal) },
    handlers: {
      query: async (query, session) => ((await relay.take(query, session)) ? { isDone: true } : {}),
      'query-hit': async (hit, session: MeshSession) => {
        asker.onHit(hit, session)
        return {}
      },
      'mesh-copies': async ({ sha256s }) => ({
        epoch: catalog.epoch,
        lastSeq: catalog.lastSeq,
        copies: copiesOf(sha256s, share),
      }),
    },
  }
}

/** What of other members' catalogs concerns this peer. */
export function heldFiles(share: Pick<Share, 'first' | 'get'>): HeldFiles {
  return {
    hasContent: (sha256) => share.first(sha256) !== undefined,
    hasFile: (key) => share.get(key) !== undefined,
  }
}

/** Asks members, or only those with programs if there are any. */
async function find(
  what: QueryWhat,
  {
    asker,
    ofPrograms,
    ...parts
  }: Parameters<typeof programContents>[1] & {
    readonly asker: QueryAsker
    readonly programs: Pick<ProgramDesk, 'count'>
    readonly ofPrograms: boolean
  },
  signal: AbortSignal = new AbortController().signal,
): Promise<FoundElsewhere> {
  const { mesh, programs } = parts
  // A search shows what the index knows, and never files of programs.
  if (ofPrograms && what.search !== undefined) return foundNowhere
  const hasPrograms = programs.count > 0 || mesh.members().some(isWithPrograms)
  if (ofPrograms && !hasPrograms) return foundNowhere
  let query: OpenQuery
  try {
    query = asker.ask(what, { ofPrograms })
  } catch (error) {
    if (hasCode(error, 'BUSY')) return foundNowhere
    throw error
  }
  while (what.search !== undefined && !query.isOver)
    await query.more(query.hits.length, queryMs, signal)
  await query.more(0, queryMs, signal)
  if (query.hits.length > 0) await query.more(limits.sourcesPerContentMax, moreHitsMs, signal)
  const isKnown = query.hits.some(({ url }) => url === undefined)
  return { isKnown, ofPrograms: programContents(query.hits, parts) }
}

/** The files of this peer itself that a query is about. */
async function answerTo(
  query: QueryWhat,
  { share, finder }: Pick<QueryParts, 'share' | 'finder'>,
  signal: AbortSignal,
): Promise<QueryFile[]> {
  try {
    return (await ownFiles(query, { share, finder }, signal)).slice(0, limits.queryHitFilesMax)
  } catch (error) {
    // A name may be no name, or of a deleted file.
    if (error instanceof AppError && !signal.aborted) return []
    throw error
  }
}

async function ownFiles(
  { name, sha256, pattern, search }: QueryWhat,
  { share, finder }: Pick<QueryParts, 'share' | 'finder'>,
  signal: AbortSignal,
): Promise<QueryFile[]> {
  const page =
    pattern === undefined
      ? search !== undefined && searchPages(search, finder)
      : matchPages(pattern, finder)
  if (page !== false) return await ownMatches(page, share, signal)
  if (name === undefined) {
    const [entry] = share.find(sha256 ?? '')
    return entry === undefined ? [] : [{ ...fileOf(entry.content), name: entry.at.name }]
  }
  const request = { name, ...(sha256 !== undefined && { sha256 }) }
  const contents = await finder.known(request, signal)
  return contents
    .filter((content) => share.holds(name, content.sha256))
    .filter((content) => sha256 === undefined || content.sha256 === sha256)
    .map((content) => ({ name, ...fileOf(content) }))
}

/** One page of what matches, without saying who has it. */
type MatchPage = (
  after: string | undefined,
  signal: AbortSignal,
) => Promise<{ files: readonly QueryFile[]; next?: string }>

function matchPages(pattern: string, finder: Pick<Finder, 'match'>): MatchPage {
  return (after, signal) => finder.match({ pattern, after }, signal)
}

function searchPages(query: string, finder: Pick<Finder, 'searchKnown'>): MatchPage {
  const limit = limits.pageRowsMax
  return (after, signal) =>
    finder.searchKnown({ query, limit, ...(after !== undefined && { after }) }, signal)
}

/** Those of this peer itself. */
async function ownMatches(
  pageAfter: MatchPage,
  share: Pick<QueryParts['share'], 'holds'>,
  signal: AbortSignal,
): Promise<QueryFile[]> {
  const files: QueryFile[] = []
  let after: string | undefined
  for (let page = 0; page < matchPagesMax && files.length < limits.queryHitFilesMax; page += 1) {
    const found = await pageAfter(after, signal)
    const own = found.files.filter(({ name, sha256 }) => share.holds(name, sha256))
    files.push(...own.map((file) => ({ name: file.name, ...fileOf(file) })))
    after = found.next
    if (after === undefined) break
  }
  return files
}

/** Who has what a query is about, as far as this peer knows: itself included. */
async function knownHits(
  what: QueryWhat,
  { self, share, finder }: QueryParts & { readonly self: MemberRecord },
  signal: AbortSignal,
): Promise<QueryHit[]> {
  const { name, sha256 } = what
  const { peerId, host, port } = self
  const own = await answerTo(what, { share, finder }, signal)
  const hits: QueryHit[] = own.map((file) => ({ ...file, peerId, host, port }))
  if (name === undefined) return hits
  const request = { name, ...(sha256 !== undefined && { sha256 }) }
  const contents = await finder.known(request, signal).catch((error: unknown) => {
    if (error instanceof AppError && !signal.aborted) return []
    throw error
  })
  for (const content of contents.filter((one) => sha256 === undefined || one.sha256 === sha256))
    for (const source of content.sources)
      if (source.peerId !== peerId && source.kind !== 'partial' && source.kind !== 'program') {
        const { host: at, port: on } = source
        hits.push({ name, ...fileOf(content), peerId: source.peerId, host: at, port: on })
      }
  return hits
}

function fileOf(content: {
  sha256: string
  size: number
  modifiedMs?: number | undefined
}): Omit<QueryFile, 'name'> {
  const { sha256, size, modifiedMs } = content
  return { sha256, size, ...(modifiedMs !== undefined && { modifiedMs }) }
}

function copiesOf(sha256s: readonly string[], share: Pick<Share, 'find'>): Change[] {
  const copies = sha256s.flatMap((sha256) => share.find(sha256).slice(0, copiesPerContent))
  return copies.slice(0, limits.copiesToldMax).map(putOf)
}

function noteAnswered(
  query: Query,
  files: readonly QueryFile[],
  { self }: Pick<Mesh, 'self'>,
  queries: Pick<QueryLog, 'add'>,
): void {
  const [first] = files
  queries.add(noteOf(query, 0), () => ({
    queryId: query.queryId,
    origin: query.origin.peerId,
    found: files.length,
    ...(first && { sha256: first.sha256 }),
    addresses: [formatAddress(self)],
  }))
}

function noteEnded(
  { queryId, what, hits }: OpenQuery,
  {
    durationMs,
    mesh,
    queries,
  }: {
    durationMs: number
    mesh: Pick<Mesh, 'self'>
    queries: Pick<QueryLog, 'add'>
  },
): void {
  const [first] = hits
  queries.add(noteOf(what, durationMs), () => ({
    queryId,
    origin: mesh.self.peerId,
    found: hits.length,
    ...(first && { sha256: first.sha256 }),
    addresses: [...new Set(hits.map(formatAddress))].slice(0, limits.queryAddressesMax),
  }))
}

function noteOf({ name, pattern, search, sha256 }: QueryWhat, durationMs: number): AnsweredQuery {
  return { kind: 'mesh', what: name ?? pattern ?? search ?? sha256 ?? '', by: 'mesh', durationMs }
}
