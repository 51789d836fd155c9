import { AppError } from '../../common/errors.ts'
import { reachedHostProblem } from '../../common/hosts.ts'
import { parseName } from '../../common/ids.ts'
import { type Address, parseAddress } from '../../common/protocol/transport.ts'
import type { OpenQuery } from '../mesh/query/open-query.ts'
import type { QueryAsker } from '../mesh/query/query-asker.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { MeshCall } from './mesh-calls.ts'
import type { MeshQuery, MeshState } from './shapes.ts'

/** What the calls need of the mesh. */
export interface JoinedMesh {
  readonly counts: Omit<MeshState, 'isMember'>
  /** The queries of this peer. @throws AppError BUSY until it is a member */
  readonly queries: Pick<QueryAsker, 'ask' | 'find'>
  /** @throws AppError JOIN_SELF, NO_MESH, DIAL_FAILED, DEADLINE_EXCEEDED */
  join(address: Address, signal: AbortSignal): Promise<void>
}

const noMembers = { live: 0, suspect: 0, gone: 0, behind: 0, notKept: 0 } as const

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
    { address: text }: CallRequest<'joinMesh'>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CallReply<'joinMesh'>> {
    const address = parseAddress(text)
    if (address === undefined || reachedHostProblem(address.host) !== undefined)
      throw new AppError('BAD_REQUEST', { path: 'address', reason: `must be HOST:PORT` })
    const mesh = this.#mesh()
    if (mesh === undefined) throw new AppError('NOT_IN_MESH')
    await mesh.join(address, signal)
    return await this.mesh()
  }

  async askMesh(what: CallRequest<'askMesh'>): Promise<CallReply<'askMesh'>> {
    if (what.name !== undefined) parseName(what.name)
    return queryOf(this.#queries.ask(what))
  }

  async meshQuery(
    { queryId, after, waitMs }: CallRequest<'meshQuery'>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CallReply<'meshQuery'>> {
    const query = this.#queries.find(queryId)
    await query.more(after, waitMs, signal)
    return queryOf(query, after)
  }

  get #queries(): JoinedMesh['queries'] {
    const mesh = this.#mesh()
    if (mesh === undefined) throw new AppError('NOT_IN_MESH')
    return mesh.queries
  }
}

function queryOf({ queryId, hits, isOver }: OpenQuery, after = 0): MeshQuery {
  return { queryId, hits: hits.slice(after).map((hit) => ({ ...hit })), isOver }
}
