import { lookup } from 'node:dns/promises'
import { BackgroundWork } from '../background.ts'
import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError } from '../errors.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { connect } from '../protocol/client.ts'
import type { ClusterDesk } from '../protocol/cluster-desk.ts'
import type { Connection } from '../protocol/connection.ts'
import { TlsTransport } from '../protocol/tls-transport.ts'
import { type Address, formatAddress, parseAddress, type Transport } from '../protocol/transport.ts'
import type { Random } from '../random.ts'
import type { Authority } from './authority.ts'
import { AuthorityDesk, type SecurityNews } from './authority-desk.ts'
import { isAuthorityFolder } from './authority-store.ts'
import type { CertifiedRole } from './cluster-role.ts'
import { elsewhereDesk } from './elsewhere-desk.ts'
import { removeUnfinished, writeIdentityFiles } from './identity-files.ts'
import { NodeIdentity } from './node-identity.ts'
import { type AskForCertificate, keepRenewed } from './renewer.ts'
import { keepTokenFile, type TokenFile } from './token-out.ts'

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface ClusterOptions {
  /** Where the identity is kept. */
  readonly folder: string
  /** Names and addresses under which the process is reached over HTTPS. */
  readonly names: readonly string[]
  /** As what the process makes a cluster if it has no identity; by default it makes none. */
  readonly founds?: Founder | undefined
  /** Where the authority asks to be joined; needed for `tokenOut`. */
  readonly address?: Address | undefined
  /** Where the authority is, if that is known besides where the process joined. */
  readonly authorityAt?: Address | undefined
  /** A file in which the authority keeps a join token for peers. */
  readonly tokenOut?: string | undefined
  /** The same for admins. */
  readonly adminTokenOut?: string | undefined
}

/** The process that makes a cluster. */
export interface Founder {
  readonly role: CertifiedRole
  readonly id: string
}

/** The part of a process in its secured cluster. */
export interface Cluster extends AsyncDisposable {
  readonly identity: NodeIdentity
  readonly transport: Transport
  readonly desk: ClusterDesk
  /**
   * Has the authority revoke a member.
   * @throws AppError FORBIDDEN unless this process is an admin, MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY, DIAL_FAILED
   */
  revoke(id: string, signal?: AbortSignal): Promise<void>
  /** Told what the authority does, if it is here. */
  onNews(listener: (news: SecurityNews) => void): void
}

/**
 * Opens the identity of a process and keeps it up to date; undefined if it has none.
 * @throws AppError IDENTITY_UNUSABLE, DATABASE_UNUSABLE, DISK_FULL, DISK_FAILED
 */
export async function openCluster(
  options: ClusterOptions,
  dependencies: Dependencies,
): Promise<Cluster | undefined> {
  const { folder } = options
  await removeUnfinished(folder, dependencies.clock.nowMs())
  const founds = options.founds ?? (await founderIn(folder, dependencies))
  if (founds !== undefined) await foundCluster({ ...options, ...founds }, dependencies)
  const identity = await NodeIdentity.open(folder, dependencies)
  if (identity === undefined) return undefined
  await using opening = new AsyncDisposableStack()
  opening.defer(async () => await identity.written())
  const { log } = dependencies
  const background = opening.use(new BackgroundWork({ log }))
  const transport = opening.use(new TlsTransport(identity, dependencies))
  const listeners: ((news: SecurityNews) => void)[] = []
  const onNews = (news: SecurityNews): void => listeners.forEach((listener) => listener(news))
  const authority = await authorityIn(folder, dependencies)
  const renewing = { ...options, identity, authority, transport }
  const ask = authority === undefined ? askElsewhere(renewing, dependencies) : askHere(renewing)
  const show = (signal: AbortSignal): Promise<void> =>
    authority === undefined
      ? withAuthority(renewing, signal, dependencies, async () => {})
      : Promise.resolve()
  background.start('renew the certificate', (signal) =>
    keepRenewed(identity, ask, { ...dependencies, signal, show }),
  )
  let desk: ClusterDesk = elsewhereDesk(identity)
  if (authority !== undefined) {
    const issuerShownBy = (id: string): string | undefined => transport.issuerShownBy(id)
    const parts = { ...dependencies, authority, identity, resolve, issuerShownBy, onNews }
    desk = opening.use(new AuthorityDesk(parts))
    for (const file of tokenFilesOf(options))
      background.start('keep a join token', (signal) =>
        keepTokenFile(file, authority, { ...dependencies, signal }),
      )
  }
  const running = opening.move()
  return {
    identity,
    transport,
    desk,
    async revoke(id, signal) {
      if (authority !== undefined) await desk.revoke({ id }, { proven: identity.self })
      else
        await withAuthority(renewing, signal, dependencies, (connection) =>
          connection.request('revoke-member', { id }, { signal }),
        )
    },
    onNews: (listener) => listeners.push(listener),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function tokenFilesOf({ tokenOut, adminTokenOut, address }: ClusterOptions): TokenFile[] {
  const files = [
    { path: tokenOut, role: 'peer' },
    { path: adminTokenOut, role: 'admin' },
  ] as const
  return files.flatMap(({ path, role }) =>
    path === undefined || address === undefined ? [] : [{ path, role, address }],
  )
}

/**
 * Makes a cluster in `folder`, unless that has an identity.
 * @returns whether it was made
 * @throws AppError DISK_FULL, DISK_FAILED, DATABASE_UNUSABLE
 */
export async function foundCluster(
  { folder, role, id, names }: Founder & Pick<ClusterOptions, 'folder' | 'names'>,
  dependencies: Dependencies,
): Promise<boolean> {
  if ((await NodeIdentity.open(folder, dependencies)) !== undefined) return false
  const { Authority: Made } = await import('./authority.ts')
  const own = { role, id, names: [...localNames, ...names] }
  const { authority, material } = await Made.create(folder, own, dependencies)
  authority[Symbol.dispose]()
  await writeIdentityFiles(folder, material)
  dependencies.log.info({ folder }, 'made the identity of the authority of a secured cluster')
  return true
}

/** Whose authority it is: without its own identity, which can be made again, its cluster would be open. */
async function founderIn(folder: string, dependencies: Dependencies): Promise<Founder | undefined> {
  using authority = await authorityIn(folder, dependencies)
  const own = authority?.overview.members.find(({ isAuthority }) => isAuthority)
  return own && { role: own.role as CertifiedRole, id: own.id }
}

const localNames = ['localhost', '127.0.0.1', '::1']

async function authorityIn(
  folder: string,
  dependencies: Dependencies,
): Promise<Authority | undefined> {
  if (!isAuthorityFolder(folder)) return undefined
  const { Authority: Opened } = await import('./authority.ts')
  return Opened.open(folder, dependencies)
}

interface Renewing extends ClusterOptions {
  readonly identity: NodeIdentity
  readonly authority: Authority | undefined
  readonly transport: Transport
}

function askHere({ identity, authority, names }: Renewing): AskForCertificate {
  return async (request) => {
    if (authority === undefined) throw new Error('the authority is elsewhere')
    return await authority.renewOwn(identity.self, request, [...localNames, ...names])
  }
}

/** Asks the authority where it is known to be. */
function askElsewhere(renewing: Renewing, dependencies: Dependencies): AskForCertificate {
  const names = [...renewing.names]
  return async (request, signal) =>
    await withAuthority(renewing, signal, dependencies, (connection) =>
      connection.request('renew-certificate', { request, names }, { signal }),
    )
}

/** Connects to the authority, an index or a peer, for one request. */
async function withAuthority<T>(
  { identity, transport, authorityAt }: Renewing,
  signal: AbortSignal | undefined,
  dependencies: Dependencies,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const address = authorityAt ?? parseAddress(identity.joinedAt ?? '')
  if (address === undefined) throw new AppError('NOT_AUTHORITY', { where: 'the authority' })
  const what = `Connecting to ${formatAddress(address)}`
  const deadline = { what, deadlineMs: deadlines.dialMs, signal }
  const wire = await withDeadline(deadline, dependencies.clock, (inTime) =>
    transport.dial(address, { signal: inTime }),
  )
  if (wire.proven?.isAuthority !== true) {
    wire.stream.destroy()
    const reason = 'it is a member of the cluster, not its authority'
    throw new AppError('DIAL_FAILED', { address: formatAddress(address), reason })
  }
  const role = wire.proven.role === 'index' ? 'index' : 'peer'
  const { role: own, id } = identity.self
  const hello =
    own === 'reader' ? { role: 'client' as const } : { role: 'peer' as const, peerId: id }
  const { connection } = await connect(
    { transport, wire, address, role, hello, signal },
    dependencies,
  )
  try {
    return await ask(connection)
  } finally {
    connection.destroy()
  }
}

async function resolve(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}
