import { lookup } from 'node:dns/promises'
import { BackgroundWork } from '../background.ts'
import type { Cancel, Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ClusterDesk } from '../protocol/cluster-desk.ts'
import { TlsTransport } from '../protocol/tls-transport.ts'
import type { Address, Transport } from '../protocol/transport.ts'
import type { Random } from '../random.ts'
import type { Authority } from './authority.ts'
import { AuthorityDesk } from './authority-desk.ts'
import { type AskAuthority, AuthorityLink, askDesk, type FindMember } from './authority-link.ts'
import { isAuthorityFolder } from './authority-store.ts'
import type { CertifiedRole } from './cluster-role.ts'
import { elsewhereDesk } from './elsewhere-desk.ts'
import { removeUnfinished, writeIdentityFiles } from './identity-files.ts'
import { NodeIdentity } from './node-identity.ts'
import { type AskForCertificate, keepRenewed } from './renewer.ts'
import { NewsFeed, type SecurityNews } from './security-news.ts'
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
  /** Where the authority asks to be joined; needed for its tokens. */
  readonly address?: Address | undefined
  /** Where the authority is, if that is known besides where the process joined. */
  readonly authorityAt?: Address | undefined
  /** The file into which the authority writes a valid join token for peers. */
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
  /** Sends the authority a request that only admins may make. */
  readonly askAuthority: AskAuthority
  /** Also looks for the authority among the members of a mesh. */
  readonly findAuthorityBy: (find: FindMember) => void
  /** Tells what the authority does, if it is here. */
  readonly onNews: (listener: (news: SecurityNews) => void) => Cancel
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
  const news = new NewsFeed()
  const authority = await authorityIn(folder, dependencies)
  const link = new AuthorityLink({ identity, transport, given: options.authorityAt }, dependencies)
  const renewing = { ...options, identity }
  const ask =
    authority === undefined ? askElsewhere(renewing, link) : askHere({ ...renewing, authority })
  const show = (signal: AbortSignal): Promise<void> =>
    authority === undefined ? link.connected(signal, async () => {}) : Promise.resolve()
  background.start('renew the certificate', (signal) =>
    keepRenewed(identity, ask, { ...dependencies, signal, show }),
  )
  let desk: ClusterDesk = elsewhereDesk(identity)
  if (authority !== undefined) {
    const issuerShownBy = (id: string): string | undefined => transport.issuerShownBy(id)
    const { address } = options
    const onNews = (one: SecurityNews): void => news.tell(one)
    const parts = { ...dependencies, authority, identity, address, resolve, issuerShownBy, onNews }
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
    askAuthority: authority === undefined ? link.ask : askDesk(desk, identity),
    findAuthorityBy: link.findBy,
    onNews: (listener) => news.listen(listener),
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
}

function askHere({
  identity,
  authority,
  names,
}: Renewing & { readonly authority: Authority }): AskForCertificate {
  return async (request) =>
    await authority.renewOwn(identity.self, request, [...localNames, ...names])
}

/** Asks the authority where it is known to be. */
function askElsewhere({ names }: Renewing, link: AuthorityLink): AskForCertificate {
  return async (request, signal) =>
    await link.connected(signal, (connection) =>
      connection.request('renew-certificate', { request, names: [...names] }, { signal }),
    )
}

async function resolve(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}
