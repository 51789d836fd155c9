import { join, resolve } from 'node:path'
import { backoffMs } from '../common/backoff.ts'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { clusterFolder, namesOf, reachedAs } from '../common/identity/cluster-folder.ts'
import { type Cluster, openCluster } from '../common/identity/open-cluster.ts'
import { readJoinToken } from '../common/identity/read-join-token.ts'
import type { Log } from '../common/log.ts'
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
  const options = { ...own, founds, address, ...tokens, authorityAt: settings.index }
  let cluster = await openCluster(options, dependencies)
  if (cluster === undefined && hasToken(settings)) {
    await joinWhenPossible(settings, own, dependencies)
    cluster = await openCluster(options, dependencies)
  }
  const id = cluster?.identity.self.id
  if (cluster === undefined || id === peerId) return cluster
  await cluster[Symbol.asyncDispose]()
  throw new AppError('CERTIFICATE_REFUSED', {
    reason: `${folder} has the identity of ${id}, not of ${peerId}; remove it and join again`,
  })
}

function hasToken({ joinToken, joinFile }: EnterSettings): boolean {
  return joinToken !== undefined || joinFile !== undefined
}

/** Joins, and tries again while the authority is away or the file of the token is not there yet. */
async function joinWhenPossible(
  { joinToken, joinFile }: EnterSettings,
  own: { readonly folder: string; readonly id: string; readonly names: readonly string[] },
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
