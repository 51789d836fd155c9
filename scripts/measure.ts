import { readFile } from 'node:fs/promises'
import { AppError, reasonOf } from '../common/errors.ts'
import { interrupted } from '../common/interrupted.ts'
import { measureScaling } from '../evaluation/scaling/measure-scaling.ts'
import type { ScalingPlan } from '../evaluation/scaling/plan.ts'
import type { ScalingResult } from '../evaluation/scaling/result.ts'
import type { ClusterSettings } from '../evaluation/system/cluster-fixture.ts'

export interface MeasureFlags {
  /** The config file that the processes are started with. */
  readonly config: string
  /** The peer whose API the clients use. */
  readonly peer: string
}

/**
 * Carries out scaling plans and tells the terminal how it goes. Interrupted, it stops its processes and
 * removes their data before it throws.
 * @throws AppError CANCELLED, and what {@link measureScaling} throws
 */
export async function measure(
  plans: readonly ScalingPlan[],
  { config, peer }: MeasureFlags,
): Promise<ScalingResult[]> {
  using stop = interrupted()
  const onProgress = (line: string): void => {
    stop.signal.throwIfAborted()
    console.log(line)
  }
  return await measureScaling(plans, {
    peerId: peer,
    settings: await readConfig(config),
    onProgress,
  })
}

/** What the processes check when they start. */
async function readConfig(path: string): Promise<ClusterSettings> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ClusterSettings
  } catch (error) {
    const details = { origin: '--config', path, reason: `cannot be read: ${reasonOf(error)}` }
    throw new AppError('SETTING_INVALID', details, { cause: error })
  }
}
