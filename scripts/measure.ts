import { readFile } from 'node:fs/promises'
import { AppError, reasonOf } from '../common/errors.ts'
import { interrupted } from '../common/interrupted.ts'
import { measureScaling } from '../evaluation/scaling/measure-scaling.ts'
import type { ScalingPlan } from '../evaluation/scaling/plan.ts'
import type { ScalingResult } from '../evaluation/scaling/result.ts'
import type { ClusterSettings } from '../evaluation/system/cluster-fixture.ts'

export interface MeasureFlags {
  /** Config file of the processes. */
  readonly config: string
  /** The peer whose API the clients use. */
  readonly peer: string
}

/**
 * Runs scaling plans and prints their progress. If interrupted, it stops its processes and removes
 * their data before it throws.
 * @throws AppError CANCELLED, and errors of {@link measureScaling}
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

/** The processes validate the settings when they start. */
async function readConfig(path: string): Promise<ClusterSettings> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ClusterSettings
  } catch (error) {
    const details = { origin: '--config', path, reason: `cannot be read: ${reasonOf(error)}` }
    throw new AppError('SETTING_INVALID', details, { cause: error })
  }
}
