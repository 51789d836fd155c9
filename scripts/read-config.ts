import { readFile } from 'node:fs/promises'
import { AppError, reasonOf } from '../common/errors.ts'
import type { ClusterSettings } from '../evaluation/system/cluster-fixture.ts'

/** The config file that a cluster is to be started with; its processes check what it holds. */
export async function readConfig(path: string): Promise<ClusterSettings> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ClusterSettings
  } catch (error) {
    throw new AppError('SETTING_INVALID', {
      origin: path,
      path: 'the file',
      reason: reasonOf(error),
    })
  }
}
