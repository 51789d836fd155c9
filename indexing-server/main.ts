import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../common/clock.ts'
import { checkExposure, type Exposure } from '../common/exposure.ts'
import { hostNamesOf } from '../common/http-host.ts'
import { httpUrl } from '../common/http-url.ts'
import { httpsIdentityAt } from '../common/https-server.ts'
import { clusterFolder, namesOf, reachedAs } from '../common/identity/cluster-folder.ts'
import { type Cluster, openCluster } from '../common/identity/open-cluster.ts'
import { logSettings } from '../common/log-settings.ts'
import { tcpTransport } from '../common/protocol/tcp-transport.ts'
import { formatAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import { moveAside, openOrReplace } from '../common/replace-database.ts'
import { type ProcessContext, runProcess } from '../common/run-process.ts'
import { configFile, loadSettings } from '../common/settings.ts'
import { startHealthServer } from './health-server.ts'
import { databaseName, startIndexingServer } from './indexing-server.ts'
import { type IndexSettings, loadIndexSettings } from './settings.ts'

/** A database up to this size is read as a whole before it is used: about 0.2 s. */
const readAtStartBytesMax = 64 * 1024 * 1024

/**
 * Runs the index until it is told to stop.
 * @param flags from the command line parser
 * @throws AppError SETTING_INVALID, ADDRESS_IN_USE, DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function runIndex(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const file = configFile(typeof flags['config'] === 'string' ? flags['config'] : undefined)
  const settings = loadIndexSettings({ file, flags }).values
  const log = loadSettings(logSettings, { file, flags }).values
  const options = { name: 'server', log, hasPrompt: false, isHeadless: false }
  await runProcess(options, { clock: systemClock }, (context) => run(settings, context))
}

/** The data folder of an index started with these flags. @throws AppError SETTING_INVALID */
export function indexDataFolder(flags: Readonly<Record<string, unknown>>): string {
  const file = configFile(typeof flags['config'] === 'string' ? flags['config'] : undefined)
  return resolve(loadIndexSettings({ file, flags }).values.data)
}

/** Runs the index, with a new database after one that turned out to be damaged. */
async function run(settings: IndexSettings, context: ProcessContext): Promise<void> {
  const cluster = context.stack.use(await openOwnCluster(settings, context))
  const isInsecure = checkExposure(exposureOf(settings, cluster), context)
  for (;;) {
    const damage = await runUntilDamaged({ ...settings, isInsecure }, cluster, context)
    if (damage === undefined) return
    moveAside(join(resolve(settings.data), databaseName), damage, context)
  }
}

function exposureOf(
  { host, httpHost, insecure, data }: IndexSettings,
  cluster: Cluster | undefined,
): Exposure {
  return {
    listening: [
      { host, flag: '--host' },
      { host: httpHost, flag: '--http-host' },
    ],
    hasIdentity: cluster !== undefined,
    isAccepted: insecure,
    remedy: `Run \`tandem cluster init --data ${data}\` once, which secures the cluster`,
  }
}

/** The index's part in its secured cluster, if it is secured. */
async function openOwnCluster(
  settings: IndexSettings,
  { log }: ProcessContext,
): Promise<Cluster | undefined> {
  const { data, port, secure: isFounding, tokenOut, adminTokenOut } = settings
  const address = { host: reachedAs(settings), port }
  const allowedHosts = hostNamesOf(settings.allowedHosts)
  const names = namesOf({ ...settings, allowedHosts })
  const founds = isFounding ? ({ role: 'index', id: 'index' } as const) : undefined
  const tokens = { tokenOut, adminTokenOut }
  const options = { folder: clusterFolder(resolve(data)), names, founds, address, ...tokens }
  return await openCluster(options, { clock: systemClock, random: systemRandom, log })
}

/** @returns the damage of the database; undefined if the process is to stop */
async function runUntilDamaged(
  settings: IndexSettings & { readonly isInsecure: boolean },
  cluster: Cluster | undefined,
  { log, stopped, ready, stack: running }: ProcessContext,
): Promise<unknown> {
  const stack = running.use(new AsyncDisposableStack())
  const { promise: damaged, resolve: onDamage } = Promise.withResolvers<unknown>()
  const transport = cluster?.transport ?? tcpTransport
  const dependencies = { transport, clock: systemClock, random: systemRandom, log }
  const index = stack.use(
    await startIndexingServer(settings, {
      ...dependencies,
      desk: cluster?.desk,
      onNews: cluster?.onNews,
      // A large one is not read first: its damage is found when it is used.
      openDatabase: (path, options) =>
        openOrReplace(path, { ...options, log, isRead: isSmall(path) }),
      onDamage,
    }),
  )
  const health = stack.use(
    await startHealthServer(
      {
        host: settings.httpHost,
        port: settings.httpPort,
        allowedHosts: hostNamesOf(settings.allowedHosts),
      },
      {
        check: index.health,
        metrics: index.metrics,
        identity: httpsIdentityAt(settings.httpHost, cluster?.identity),
        clock: systemClock,
        log,
      },
    ),
  )
  const address = formatAddress(index.address)
  const http = httpUrl(health.address)
  ready(`The index is ready: it serves peers on ${address}, health and metrics on ${http}.`, {
    address,
    http,
    data: resolve(settings.data),
  })
  const damage = await Promise.race([stopped, damaged])
  if (damage !== undefined) await stack.disposeAsync()
  return damage
}

function isSmall(path: string): boolean {
  const { size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return size <= readAtStartBytesMax
}
