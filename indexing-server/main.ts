import { join } from 'node:path'
import { systemClock } from '../common/clock.ts'
import { deadlines } from '../common/limits.ts'
import { openLog } from '../common/log.ts'
import { logSettings } from '../common/log-settings.ts'
import { tcpTransport } from '../common/protocol/tcp-transport.ts'
import { formatAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import { configFile, loadSettings } from '../common/settings.ts'
import { startHealthServer } from './health-server.ts'
import { startIndexingServer } from './indexing-server.ts'
import { indexSettings } from './settings.ts'

/** The process's name in logs, and its folder among them. */
const processName = 'server'

/**
 * Runs the index until SIGINT or SIGTERM, then stops it within `deadlines.shutdownMs`. Prints one
 * line when it is ready.
 * @param flags the options of `tandem index` as typed
 * @throws AppError SETTING_INVALID, ADDRESS_IN_USE, DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function runIndex(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const named = typeof flags['config'] === 'string' ? flags['config'] : undefined
  const sources = { file: configFile(named), flags }
  const { values: settings } = loadSettings(indexSettings, sources)
  const { folder, ...logging } = loadSettings(logSettings, sources).values

  const stop = stopRequested()
  await using running = new AsyncDisposableStack()
  const logFolder = folder === undefined ? {} : { folder: join(folder, processName) }
  const options = { name: 'index', console: true, ...logging, ...logFolder }
  const { log } = running.use(await openLog(options))
  const dependencies = { transport: tcpTransport, clock: systemClock, random: systemRandom, log }
  const index = running.use(await startIndexingServer(settings, dependencies))
  const health = running.use(
    await startHealthServer(
      { host: settings.httpHost, port: settings.httpPort },
      { check: () => index.status(), metrics: index.metrics, log },
    ),
  )
  console.log(
    `The index is ready on ${formatAddress(index.address)}; health and metrics on http://${formatAddress(health.address)}; data in ${settings.data}`,
  )
  await stop
  log.info({}, 'stopping')
  // What is stuck by then is abandoned: the database is consistent at any moment.
  // oxlint-disable-next-line eslint/no-restricted-properties -- this is main.ts
  systemClock.after(deadlines.shutdownMs, () => process.exit(0))
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopRequested(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  return promise
}
