import { X509Certificate } from 'node:crypto'
import { join, resolve } from 'node:path'
import { backoffMs } from '../common/backoff.ts'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { isAuthorityFolder } from '../common/identity/authority-store.ts'
import { clusterFolder, namesOf, reachedAs } from '../common/identity/cluster-folder.ts'
import type { JoinToken } from '../common/identity/join-token.ts'
import { NodeIdentity } from '../common/identity/node-identity.ts'
import { type Cluster, openCluster } from '../common/identity/open-cluster.ts'
import { authorityDigest } from '../common/identity/read-certificate.ts'
import { readJoinToken } from '../common/identity/read-join-token.ts'
import type { Log } from '../common/log.ts'
import { parseAddress } from '../common/protocol/transport.ts'
import type { Random } from '../common/random.ts'
import type { StartSettings } from './settings.ts'

const retryBackoff = { firstMs: 500, maxMs: 30_000 }

export type EnterSettings = Pick<
  StartSettings,
  | 'peerId'
  | 'data'
  | 'host'
  | 'port'
  | 'advertiseHost'
  | 'httpHost'
  | 'allowedHosts'
  | 'index'
  | 'isIndexGiven'
  | 'joinToken'
  | 'joinFile'
  | 'secure'
  | 'tokenOut'
  | 'adminTokenOut'
>

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Aborted when the process is to stop. */
  readonly stop: AbortSignal
}

/**
 * The peer's part in a secured cluster; undefined if it has no identity and no token to get one. Waits for
 * the authority of its token as long as it takes.
 * @throws AppError JOIN_REFUSED, AUTHORITY_UNPROVEN, MEMBER_EXISTS, CERTIFICATE_REFUSED,
 *   IDENTITY_UNUSABLE, DISK_FULL, DISK_FAILED; or the reason of `stop`
 */
export async function enterCluster(
  settings: EnterSettings,
  dependencies: Dependencies,
): Promise<Cluster | undefined> {
  const { peerId, data, port, secure: isFounding, tokenOut, adminTokenOut } = settings
  const folder = clusterFolder(join(resolve(data), '.tandem'))
  const address = { host: reachedAs(settings), port }
  const own = { folder, id: peerId, names: namesOf(settings) }
  const founds = isFounding ? ({ role: 'admin', id: peerId } as const) : undefined
  const tokens = { tokenOut, adminTokenOut }
  const options = {
    ...own,
    founds,
    address,
    ...tokens,
    authorityAt: settings.isIndexGiven ? settings.index : undefined,
  }
  const identity = await NodeIdentity.open(folder, dependencies)
  checkId(identity, peerId, folder)
  const isFounder = isFounding || isAuthorityFolder(folder)
  if (!isFounder && hasToken(settings)) {
    const use = await useOf(identity, settings, dependencies)
    if (use === 'none') await joinWhenPossible(settings, own, dependencies)
    else if (use === 'doubtful') await joinOnce(settings, own, dependencies)
  }
  return await openCluster(options, dependencies)
}

/** The index of a peer: where it joined, unless another is set. */
export function indexOf(
  { index, isIndexGiven }: Pick<StartSettings, 'index' | 'isIndexGiven'>,
  cluster: Cluster | undefined,
): StartSettings['index'] {
  if (index === undefined || isIndexGiven) return index
  return parseAddress(cluster?.identity.joinedAt ?? '') ?? index
}

/** @throws AppError CERTIFICATE_REFUSED if the identity is that of another peer */
function checkId(identity: NodeIdentity | undefined, peerId: string, folder: string): void {
  const id = identity?.self.id
  if (id === undefined || id === peerId) return
  const remedy = isAuthorityFolder(folder)
    ? `which has the authority of the cluster: start it as --peer ${id}`
    : `not of ${peerId}: start it as --peer ${id}, or move that folder away and join again`
  throw new AppError('CERTIFICATE_REFUSED', {
    reason: `${folder} has the identity of ${id}, ${remedy}`,
  })
}

/**
 * Of what use an identity is beside a token. None, if there is none, or it has expired or is revoked. It is
 * doubtful if the token names another authority: the cluster may have lost its own, or the token is an old one.
 */
async function useOf(
  identity: NodeIdentity | undefined,
  { joinToken, joinFile }: EnterSettings,
  { clock, log }: Dependencies,
): Promise<'full' | 'doubtful' | 'none'> {
  if (identity === undefined) return 'none'
  const { trust, validity, self } = identity
  if (clock.nowMs() >= validity.toMs || identity.isRevoked(self)) {
    log.warn({ validToMs: validity.toMs }, 'the certificate of this peer is worth nothing any more')
    return 'none'
  }
  const token = joinToken ?? (await readJoinToken(joinFile ?? '').catch(() => undefined))
  const isOfCluster = ({ authority }: JoinToken): boolean =>
    trust.authorities.some((pem) => authorityDigest(new X509Certificate(pem)) === authority)
  return token === undefined || isOfCluster(token) ? 'full' : 'doubtful'
}

/** Joins if the token is good for it; otherwise the identity stays as it is. */
async function joinOnce(
  { joinToken, joinFile }: EnterSettings,
  own: Own,
  { clock, log, stop: signal }: Dependencies,
): Promise<void> {
  try {
    const { joinCluster } = await import('../common/identity/join-cluster.ts')
    const token = joinToken ?? (await readJoinToken(joinFile ?? ''))
    await joinCluster({ ...own, token, signal }, { clock, log })
    log.warn({ peerId: own.id }, 'joined the cluster of another authority')
  } catch (error) {
    signal.throwIfAborted()
    log.info({ reason: reasonOf(error) }, 'the token is of another authority; it is not needed')
  }
}

/** A peer that joins: its folder, its id, and the names under which it is reached. */
interface Own {
  readonly folder: string
  readonly id: string
  readonly names: readonly string[]
}

function hasToken({ joinToken, joinFile }: EnterSettings): boolean {
  return joinToken !== undefined || joinFile !== undefined
}

/** Joins, and tries again while the authority is away or the file of the token is not there yet. */
async function joinWhenPossible(
  { joinToken, joinFile }: EnterSettings,
  own: Own,
  { clock, random, log, stop: signal }: Dependencies,
): Promise<void> {
  const { joinCluster } = await import('../common/identity/join-cluster.ts')
  for (let failures = 1; ; failures++) {
    try {
      const token = joinToken ?? (await readJoinToken(joinFile ?? ''))
      await joinCluster({ ...own, token, signal }, { clock, log })
      log.info({ peerId: own.id }, 'joined the secured cluster')
      return
    } catch (error) {
      signal.throwIfAborted()
      // The token in a file is replaced in time.
      const isWorthWaiting =
        error instanceof AppError && (error.retryable || joinFile !== undefined)
      if (!isWorthWaiting) throw error
      const waitMs = backoffMs(failures, retryBackoff, random)
      log.warn({ reason: reasonOf(error), waitMs }, 'cannot join the secured cluster yet')
      await clock.sleep(waitMs, signal)
    }
  }
}
