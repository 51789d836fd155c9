import { AppError } from '../../common/errors.ts'
import { reachedHostProblem } from '../../common/hosts.ts'
import { type Address, parseAddress } from '../../common/protocol/transport.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { MeshCall } from './mesh-calls.ts'

/** What the calls need of the mesh. */
export interface JoinedMesh {
  readonly counts: { live: number; suspect: number; gone: number; behind: number }
  /** @throws AppError JOIN_SELF, NO_MESH, DIAL_FAILED, DEADLINE_EXCEEDED */
  join(address: Address, signal: AbortSignal): Promise<void>
}

const noMembers = { live: 0, suspect: 0, gone: 0, behind: 0 } as const

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
}
