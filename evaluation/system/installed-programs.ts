import {
  type AnchorProgram,
  howToInstall,
  missingPrograms,
  packagesOf,
} from '../benchmarks/anchor-programs.ts'
import { runToEnd } from '../benchmarks/outside-process.ts'

const aptGet = '/usr/bin/apt-get'
/** Other tests may be installing theirs. */
const patient = ['-o', 'DPkg::Lock::Timeout=120', '-qq', '-y', '--no-install-recommends']

/**
 * Installs those of the programs that are missing; a test that needs them is never skipped.
 * @throws Error that names the command, without the rights to install packages
 */
export async function ensurePrograms(wanted: readonly AnchorProgram[]): Promise<void> {
  const missing = await missingPrograms(wanted)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) throw new Error(howToInstall(missing))
  const install = [...patient, 'install', ...packagesOf(missing)]
  try {
    await runToEnd(aptGet, install)
  } catch {
    // The lists of packages may be missing, or older than the archive.
    await runToEnd(aptGet, ['-qq', 'update'])
    await runToEnd(aptGet, install)
  }
}
