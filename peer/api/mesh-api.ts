import { AppError } from '../../common/errors.ts'
import { reachedHostProblem } from '../../common/hosts.ts'
import { parseName } from '../../common/ids.ts'
import { type Address, parseAddress } from '../../common/protocol/transport.ts'
import type { ProgramDesk } from '../mesh/program/program-desk.ts'
import { programHeartbeatMs } from '../mesh/program/programs.ts'
import type { OpenQuery } from '../mesh/query/open-query.ts'
import type { QueryAsker } from '../mesh/query/query-asker.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { MeshCall } from './mesh-calls.ts'
import type { MeshCounts, MeshQuery } from './mesh-shapes.ts'

/** What the calls need of the mesh. */
export interface JoinedMesh {
  readonly counts: MeshCounts
  /** The queries of this peer. @throws AppError BUSY until it is a member */
  readonly queries: Pick<QueryAsker, 'ask' | 'find'>
  /** The programs that take part through this peer. @throws AppError BUSY until it is a member */
  readonly programs: Pick<ProgramDesk, 'join' | 'heard' | 'ask' | 'onHit'>
  /** @throws AppError JOIN_SELF, NO_MESH, DIAL_FAILED, DEADLINE_EXCEEDED */
  join(address: Address, signal: AbortSignal): Promise<void>
}

const noMembers = { live: 0, suspect: 0, gone: 0, behind: 0, notKept: 0, programs: 0 } as const

/** The calls about the mesh. */
export class MeshApi implements Pick<PeerApi, MeshCall> {
  readonly #mesh: () => JoinedMesh | undefined

  /** @param mesh undefined if this peer takes part in none */
  constructor(mesh: () => JoinedMesh | undefined) {
    this.#mesh = mesh
  }

  async mesh(): Promise<CallReply<'mesh'>> {
    const mesh = this.#mesh()
    return { isMember: mesh !== undefined, ...(mesh?.counts ?? noMembers) }
  }

  async joinMesh(
    { address, peerId, url, answers = false }: CallRequest<'joinMesh'>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CallReply<'joinMesh'>> {
    if (address === undefined) {
      if (peerId === undefined || url === undefined)
        throw new AppError('BAD_REQUEST', {
          path: 'address',
          reason: 'or peerId and url are needed',
        })
      const members = this.#joined.programs.join({ peerId, url, answers })
      return { ...(await this.mesh()), heartbeatMs: programHeartbeatMs, members }
    }
    const parsed = parseAddress(address)
    if (parsed === undefined || reachedHostProblem(parsed.host) !== undefined)
      throw new AppError('BAD_REQUEST', { path: 'address', reason: `must be HOST:PORT` })
    await this.#joined.join(parsed, signal)
    return await this.mesh()
  }

  async meshHeartbeat({
    peerId,
    ...told
  }: CallRequest<'meshHeartbeat'>): Promise<CallReply<'meshHeartbeat'>> {
    this.#joined.programs.heard(peerId, told)
    return { heartbeatMs: programHeartbeatMs }
  }

  async meshAsk(
    query: CallRequest<'meshAsk'>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CallReply<'meshAsk'>> {
    const hits = await this.#joined.programs.ask(query, signal)
    return { hits: hits.map(({ files, ...holder }) => ({ ...holder, files: [...files] })) }
  }

  async meshHit({ queryId, ...hit }: CallRequest<'meshHit'>): Promise<void> {
    this.#joined.programs.onHit(queryId, hit)
  }

  async askMesh(what: CallRequest<'askMesh'>): Promise<CallReply<'askMesh'>> {
    if (what.name !== undefined) parseName(what.name)
    return queryOf(this.#joined.queries.ask(what))
  }

  async meshQuery(
    { queryId, after, waitMs }: CallRequest<'meshQuery'>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CallReply<'meshQuery'>> {
    const query = this.#joined.queries.find(queryId)
    await query.more(after, waitMs, signal)
    return queryOf(query, after)
  }

  get #joined(): JoinedMesh {
    const mesh = this.#mesh()
    if (mesh === undefined) throw new AppError('NOT_IN_MESH')
    return mesh
  }
}

function queryOf({ queryId, hits, isOver }: OpenQuery, after = 0): MeshQuery {
  return { queryId, hits: hits.slice(after).map((hit) => ({ ...hit })), isOver }
}
