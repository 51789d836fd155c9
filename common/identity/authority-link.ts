import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError, hasCode, reasonOf } from '../errors.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { connect } from '../protocol/client.ts'
import type { AdminMessage, ClusterDesk } from '../protocol/cluster-desk.ts'
import type { Connection } from '../protocol/connection.ts'
import type { ReplyOf, RequestOf } from '../protocol/messages.ts'
import { type Address, formatAddress, parseAddress, type Transport } from '../protocol/transport.ts'
import type { NodeIdentity } from './node-identity.ts'
import type { Trust } from './trust.ts'

/**
 * Sends the authority a request that only admins may make.
 * @throws AppError FORBIDDEN unless this process is an admin, AUTHORITY_UNREACHABLE; or that of the authority
 */
export type AskAuthority = <T extends AdminMessage>(
  type: T,
  request: RequestOf<T>,
  signal?: AbortSignal,
) => Promise<ReplyOf<T>>

/** The authority is in this process. */
export function askDesk(
  { administration }: Pick<ClusterDesk, 'administration'>,
  identity: Pick<NodeIdentity, 'self'>,
): AskAuthority {
  return async (type, request) => await administration[type](request, { proven: identity.self })
}

/** Where a member of the mesh is now; undefined if that is not known. */
export type FindMember = (id: string) => Address | undefined

/** Reaches the authority in another process, an index or a peer. */
export class AuthorityLink {
  readonly #identity: LinkIdentity
  readonly #transport: Transport
  readonly #given: Address | undefined
  readonly #dependencies: { readonly clock: Clock; readonly log: Log }
  #find: FindMember = () => undefined

  /** @param given where it is, if that is known besides where this process joined */
  constructor(
    {
      identity,
      transport,
      given,
    }: {
      readonly identity: LinkIdentity
      readonly transport: Transport
      readonly given: Address | undefined
    },
    dependencies: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#identity = identity
    this.#transport = transport
    this.#given = given
    this.#dependencies = dependencies
  }

  /** Also looks for the authority among the members of a mesh: it may have moved since this process joined. */
  readonly findBy = (find: FindMember): void => {
    this.#find = find
  }

  readonly ask: AskAuthority = async (type, request, signal) =>
    await this.connected(signal, (connection) => connection.request(type, request, { signal }))

  /**
   * Connects to the authority for one request.
   * @throws AppError AUTHORITY_UNREACHABLE, CERTIFICATE_REFUSED; or that of `ask`
   */
  async connected<T>(
    signal: AbortSignal | undefined,
    ask: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const { connection } = await this.#dial(signal)
    try {
      return await ask(connection)
    } finally {
      connection.destroy()
    }
  }

  async #dial(signal: AbortSignal | undefined): Promise<Connected> {
    const addresses = this.#addresses()
    let failure: unknown
    for (const address of addresses) {
      try {
        return await this.#connect(address, signal)
      } catch (error) {
        signal?.throwIfAborted()
        failure = error
      }
    }
    const isUnknown = addresses.length === 0
    if (!isUnknown && !(failure instanceof AppError && failure.retryable)) throw failure
    const address = addresses.map(formatAddress).join(' or ') || 'an unknown address'
    const reason = isUnknown ? 'this process was not told where it is' : causeOf(failure)
    const details = { address, reason: reason.replace(/\.$/, '') }
    throw new AppError('AUTHORITY_UNREACHABLE', details, { cause: failure })
  }

  /** Where it may be, the likeliest first. */
  #addresses(): Address[] {
    const { authorityId } = this.#identity.trust
    const found = authorityId === undefined ? undefined : this.#find(authorityId)
    const joined = parseAddress(this.#identity.joinedAt ?? '')
    const all = [this.#given, found, joined].filter((one) => one !== undefined)
    return [...new Map(all.map((one) => [formatAddress(one), one])).values()]
  }

  async #connect(address: Address, signal: AbortSignal | undefined): Promise<Connected> {
    const transport = this.#transport
    const deadline = { what: 'Connecting to it', deadlineMs: deadlines.dialMs, signal }
    const wire = await withDeadline(deadline, this.#dependencies.clock, (inTime) =>
      transport.dial(address, { signal: inTime }),
    )
    if (wire.proven?.isAuthority !== true) {
      wire.stream.destroy()
      const reason = 'another member of the cluster answers there'
      throw new AppError('DIAL_FAILED', { address: formatAddress(address), reason })
    }
    const role = wire.proven.role === 'index' ? 'index' : 'peer'
    const { role: own, id } = this.#identity.self
    const hello =
      own === 'reader' ? { role: 'client' as const } : { role: 'peer' as const, peerId: id }
    const options = { transport, wire, address, role, hello, signal } as const
    return await connect(options, this.#dependencies)
  }
}

/** Why it could not be reached, without the address. */
function causeOf(failure: unknown): string {
  const reason = hasCode(failure, 'DIAL_FAILED') ? failure.details['reason'] : undefined
  return typeof reason === 'string' ? reason : reasonOf(failure)
}

type LinkIdentity = Pick<NodeIdentity, 'self' | 'joinedAt'> & {
  readonly trust: Pick<Trust, 'authorityId'>
}

type Connected = Awaited<ReturnType<typeof connect>>
