/** Combines the calls of a peer, and has its queries recorded by who makes them. */
import type { Clock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import type { AskAuthority } from '../common/identity/authority-link.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import { type CallName, callNames, type PeerApi } from './api/calls.ts'
import { FollowApi } from './api/follow-api.ts'
import { HistoryApi, type HistoryMessage } from './api/history-api.ts'
import type { LocalPeerApi } from './api/local-peer-api.ts'
import { MemberApi } from './api/member-api.ts'
import { type JoinedMesh, MeshApi } from './api/mesh-api.ts'
import { allPeers } from './api/pages.ts'
import type { ConnectionPool, PeerAddress } from './fetch/source/connection-pool.ts'
import type { Finder } from './find/finder.ts'
import type { Follower } from './follow/follower.ts'
import { recordedQueries } from './history/recording.ts'
import { sampleEveryMs } from './history/sampler.ts'
import type { KeptHistory } from './keep-history.ts'
import type { ApiCaller } from './web/api-caller.ts'

interface Parts {
  readonly local: LocalPeerApi
  readonly kept: KeptHistory
  readonly follower: Follower
  readonly finder: Pick<Finder, 'peers'>
  readonly pool: Pick<ConnectionPool, 'lease'>
  /** The mesh; undefined if the peer takes part in none. */
  readonly mesh: () => JoinedMesh | undefined
  /** Asks the authority; undefined if the cluster is not secured. */
  readonly askAuthority?: AskAuthority | undefined
  readonly clock: Clock
}

/** The API for each kind of caller. */
export function composeApi(
  { peerId }: { readonly peerId: string },
  { local, kept, follower, finder, pool, mesh, askAuthority, clock }: Parts,
): Readonly<Record<ApiCaller, PeerApi>> {
  const { history, transfers, served, queries } = kept
  const plain = boundCalls([
    local,
    new FollowApi({ follower }),
    new HistoryApi({
      peerId,
      own: { ...served, samplesSince: (timeMs) => history.samplesSince(timeMs) },
      running: () => transfers.running(),
      sampleEveryMs,
      peers: (signal) => allPeers(finder, signal),
      ask: (peer, type, request, options) =>
        askPeer(pool, peer, type, request, { ...options, clock }),
      clock,
    }),
    new MeshApi(mesh),
    new MemberApi({ askAuthority }),
  ])
  const by = (caller: Exclude<ApiCaller, 'none'>): PeerApi => ({
    ...plain,
    ...recordedQueries(plain, { log: queries, by: caller, clock }),
  })
  return { page: by('page'), command: by('command'), program: by('program'), none: plain }
}

/** Each call is a method of one of the parts. */
function boundCalls(
  parts: readonly [LocalPeerApi, FollowApi, HistoryApi, MeshApi, MemberApi],
): PeerApi {
  type Methods = Readonly<Record<CallName, (...args: never[]) => unknown>>
  const methods = callNames.map((name) => {
    const part = parts.find((one) => name in one)
    if (part === undefined) throw new RangeError(`no part has the call ${name}`)
    return [name, (part as unknown as Methods)[name].bind(part)]
  })
  return Object.fromEntries(methods) as PeerApi
}

/** @throws AppError of the connection or of the peer; or the signal's reason */
async function askPeer<T extends HistoryMessage>(
  pool: Parts['pool'],
  peer: PeerAddress,
  type: T,
  request: RequestOf<T>,
  {
    clock,
    deadlineMs,
    signal,
  }: { clock: Clock; deadlineMs: number; signal: AbortSignal | undefined },
): Promise<ReplyOf<T>> {
  return await withDeadline(
    { what: `Asking ${peer.peerId}`, deadlineMs, signal },
    clock,
    async (inTime) => {
      using lease = await pool.lease(peer, 'control', inTime)
      return await lease.connection.request(type, request, { signal: inTime })
    },
  )
}
