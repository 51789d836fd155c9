import { systemClock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { HttpPeer } from '../../peer/api/http-peer.ts'
import type { Original } from '../system/check-file.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import { downloadFiles } from './download-files.ts'
import { operationsOf, type ScalingPlan } from './plan.ts'
import type { Load } from './result.ts'
import { runClients } from './run-clients.ts'

export interface StepContext {
  /** The peer whose HTTP API the clients use. */
  readonly peer: TandemProcess
  /** The files that are looked up repeatedly. */
  readonly known: readonly Original[]
  /** Files not downloaded yet: a step removes those that it downloads. */
  readonly files: { readonly kb: Original[]; readonly mb: Original[] }
  readonly onProgress: (line: string) => void
}

export interface StepLoads {
  readonly lookups: Load
  readonly kb: Load
  readonly mb: Load
  readonly filesChecked: number
}

/**
 * Runs one step of a plan with this number of clients, each with its own connections, and verifies
 * the files.
 */
export async function measureStep(
  plan: ScalingPlan,
  clients: number,
  { peer, known, files, onProgress }: StepContext,
): Promise<StepLoads> {
  using stack = new DisposableStack()
  const apis = Array.from({ length: clients }, () => stack.use(apiOf(peer)))
  const tell = (what: string, load: Load): Load => {
    onProgress(progressLine(plan, what, load))
    return load
  }
  const names = Array.from(
    { length: operationsOf(plan, 'lookups', clients) },
    (_, index) => known[index % known.length] as Original,
  )
  const kb = files.kb.splice(0, operationsOf(plan, 'kb', clients))
  const mb = files.mb.splice(0, operationsOf(plan, 'mb', clients))
  return {
    lookups: tell('lookups', await lookUp(apis, names)),
    kb: tell('1 KiB', await download(apis, kb)),
    mb: tell('1 MiB', await download(apis, mb)),
    filesChecked: kb.length + mb.length,
  }
}

function lookUp(apis: readonly HttpPeer[], files: readonly Original[]): Promise<Load> {
  const lookup = async ({ name, sha256 }: Original, client: number): Promise<number> => {
    const found = await (apis[client] as HttpPeer).lookup({ name })
    if (found.files[0]?.sha256 !== sha256) throw new AppError('NAME_NOT_FOUND', { name })
    return 0
  }
  return runClients(apis.length, files, lookup, { clock: systemClock })
}

async function download(apis: readonly HttpPeer[], files: readonly Original[]): Promise<Load> {
  const { load, check } = await downloadFiles(apis, files)
  await check()
  return load
}

function progressLine({ scaling }: ScalingPlan, what: string, load: Load): string {
  const { clients, operations, seconds, operationsPerSecond, bytesPerSecond } = load
  return [
    `${scaling}  ${String(clients).padStart(2)} ${clients === 1 ? 'client ' : 'clients'}`,
    `${String(operations).padStart(6)} ${what.padEnd(7)} in ${seconds.toFixed(2)} s`,
    `${operationsPerSecond.toFixed(0).padStart(6)}/s`,
    ...(bytesPerSecond > 0 ? [`${(bytesPerSecond / 2 ** 20).toFixed(1)} MiB/s`] : []),
    `p50 ${(load.latencySeconds.p50 * 1_000).toFixed(1)} ms`,
    `p99 ${(load.latencySeconds.p99 * 1_000).toFixed(1)} ms`,
  ].join('  ')
}
