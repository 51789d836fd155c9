/** Where the authority of a cluster is on this machine, for `tandem cluster` and `tandem token`. */
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type { Authority } from '../common/identity/authority.ts'
import type { CertifiedRole } from '../common/identity/cluster-role.ts'
import type { Address } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'

export interface PlaceOptions {
  /** The first peer of a mesh; by default the index has the authority. */
  readonly peer?: string
  readonly data?: string
  readonly host?: string
  readonly port?: number
  readonly config?: string
}

/** A process that has, or would have, the authority. */
export interface AuthorityPlace {
  readonly folder: string
  readonly role: CertifiedRole
  readonly id: string
  readonly names: readonly string[]
  /** Where others join. */
  readonly address: Address
}

/** Adds the options of {@link placeOf}. */
export function addPlaceOptions(
  command: Command,
  peer = 'the first peer of a mesh (default: the index has the authority)',
): Command {
  return command
    .option('--peer <id>', peer)
    .option('--data <folder>', 'its data folder (default: as configured)')
    .option('--host <host>', 'host at which others reach it, for tokens (default: as configured)')
    .option('--port <port>', 'port at which others reach it (default: as configured)', Number)
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
}

/** @throws AppError SETTING_INVALID */
export async function placeOf(options: PlaceOptions): Promise<AuthorityPlace> {
  const [{ configFile }, { hostNamesOf }, folders] = await Promise.all([
    import('../common/settings.ts'),
    import('../common/http-host.ts'),
    import('../common/identity/cluster-folder.ts'),
  ])
  const { clusterFolder, namesOf, reachedAs } = folders
  const { peer, data, host, port, config } = options
  const file = configFile(config)
  const given = { data, ...(host !== undefined && { advertiseHost: host }), port }
  if (peer === undefined) {
    const { loadIndexSettings } = await import('../indexing-server/settings.ts')
    const { values } = loadIndexSettings({ file, flags: given })
    const folder = clusterFolder(resolve(values.data))
    const address = { host: reachedAs(values), port: values.port }
    const listening = { ...values, allowedHosts: hostNamesOf(values.allowedHosts) }
    return { folder, role: 'index', id: 'index', names: namesOf(listening), address }
  }
  const { loadPeerSettings } = await import('../peer/settings.ts')
  const { values } = loadPeerSettings({ file, flags: { peer, ...given } })
  const folder = clusterFolder(join(resolve(values.data), '.tandem'))
  const address = { host: reachedAs(values), port: values.port }
  const listening = { ...values, allowedHosts: hostNamesOf(values.allowedHosts) }
  return { folder, role: 'admin', id: values.id, names: namesOf(listening), address }
}

/** The folder of {@link placeOf}, of which nothing else need be known. @throws AppError SETTING_INVALID */
export async function folderOf({ peer, data, config }: PlaceOptions): Promise<string> {
  const [{ configFile, loadSettings }, { indexIdentityFolder, peerIdentityFolder }] =
    await Promise.all([import('../common/settings.ts'), import('./cluster-trust.ts')])
  const file = configFile(config)
  if (peer === undefined) {
    const { loadIndexSettings } = await import('../indexing-server/settings.ts')
    return indexIdentityFolder(loadIndexSettings({ file, flags: { data } }).values.data)
  }
  const { peerSettings } = await import('../peer/settings.ts')
  const { values } = loadSettings(peerSettings, { file, flags: { peer, data } })
  return peerIdentityFolder(values.data ?? `data/${values.id}`)
}

/** Whether the authority of a cluster is in this folder. */
export async function hasAuthority(folder: string): Promise<boolean> {
  const { isAuthorityFolder } = await import('../common/identity/authority-store.ts')
  return isAuthorityFolder(folder)
}

/** Opens the authority. @throws AppError NO_AUTHORITY_HERE, DATABASE_UNUSABLE */
export async function openAuthority({ folder }: AuthorityPlace): Promise<Authority> {
  if (!(await hasAuthority(folder))) throw new AppError('NO_AUTHORITY_HERE', { folder })
  const { Authority: Opened } = await import('../common/identity/authority.ts')
  return Opened.open(folder, { clock: systemClock, random: systemRandom })
}
