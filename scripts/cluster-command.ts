/** `tandem cluster`: secures a cluster, and manages its members. */
import { resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { isLoopback } from '../common/hosts.ts'
import type { ClusterOverview } from '../common/identity/authority.ts'
import type { JoinToken } from '../common/identity/join-token.ts'
import { parsePeerId } from '../common/ids.ts'
import { systemRandom } from '../common/random.ts'
import { localText } from '../peer/cli/human-units.ts'
import { parseTokenId } from '../peer/cli/join-token-commands.ts'
import { printable, printableJson } from '../peer/cli/printable.ts'
import { styleOf } from '../peer/cli/style.ts'
import { tableText } from '../peer/cli/table.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import {
  type AuthoritySession,
  addDoorOptions,
  atAuthority,
  type DoorOptions,
} from './authority-door.ts'
import { addPlaceOptions, openAuthority, type PlaceOptions, placeOf } from './authority-place.ts'
import { silentLog } from './silent-log.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
}

const firstTokenMs = 24 * 3_600_000

export function clusterCommand(terminal: Terminal): Command {
  const command = new Command('cluster')
    .summary('secure a cluster, and manage its members')
    .description(
      'Secures a cluster with TLS between all its processes, and manages its members. Run it on the machine of the authority: the index or, with --peer, the first peer of a mesh. `revoke` also works elsewhere, through the peer of an admin.',
    )
  const here = [initCommand, statusCommand, rotateCommand]
  const commands = here.map((make) => addPlaceOptions(make(terminal)))
  for (const one of [...commands, revokeCommand(terminal)])
    command.addCommand(one.option('--json', 'print JSON'))
  return command.addCommand(joinCommand(terminal))
}

function initCommand(terminal: Terminal): Command {
  return new Command('init')
    .description('Secures the cluster: creates its authority, and prints how others join.')
    .action(async (options: Options) => {
      const place = await placeOf(options)
      const { foundCluster } = await import('../common/identity/open-cluster.ts')
      const dependencies = { clock: systemClock, random: systemRandom, log: await silentLog() }
      const isNew = await foundCluster(place, dependencies)
      if (!isNew) throw new AppError('CLUSTER_EXISTS', { folder: place.folder })
      using authority = await openAuthority(place)
      const { tokenDesk } = await import('../common/identity/token-desk.ts')
      const desk = tokenDesk(authority, place)
      const line = (role: 'peer' | 'admin'): string =>
        desk.create({ role, forMs: firstTokenMs }, undefined).command
      const [peers, admins] = [line('peer'), line('admin')]
      if (options.json === true) {
        await terminal.print(printableJson({ folder: place.folder, peers, admins }, 2))
        return
      }
      const own = place.role === 'index' ? 'the index' : place.id
      terminal.remark(
        `The cluster is secured; its authority is in ${place.folder}. Restart ${own}, and start each peer once with:`,
      )
      await terminal.print(peers)
      if (isLoopback(place.address.host))
        terminal.remark(
          'This address is reachable only from this machine. For other machines, pass --host with the name or address at which they reach it, and start it with --host 0.0.0.0.',
        )
      terminal.remark(
        `Admins, which may also drain and forget other peers, and change rules, join with:\n${admins}\nBoth tokens are valid for 24 h; \`tandem token create\` makes more.`,
      )
    })
}

function statusCommand(terminal: Terminal): Command {
  return new Command('status')
    .description('Lists the members of the cluster and how long their certificates are valid.')
    .action(async (options: Options) => {
      using authority = await openAuthority(await placeOf(options))
      const { overview } = authority
      const text = (): string => overviewText(overview, terminal)
      await terminal.print(options.json === true ? printableJson(overview, 2) : text())
    })
}

type RevokeOptions = DoorOptions & { readonly token?: string }

function revokeCommand(terminal: Terminal): Command {
  return addDoorOptions(new Command('revoke'))
    .description(
      'Revokes a member: all its connections are closed, and it can join again only with a new token. With --token, revokes a join token and all members that joined with it. On the machine of the authority this works even while its process is stopped; elsewhere, the running peer of an admin asks the authority.',
    )
    .argument('[member]', 'its id', parsePeerId)
    .option(
      '--token <id>',
      'id of a token, as listed by `tandem token list`, in place of a member',
      parseTokenId,
    )
    .action(async (peerId: string | undefined, options: RevokeOptions, self: Command) => {
      const { token: tokenId } = options
      if (tokenId !== undefined && peerId === undefined)
        return await atAuthority(options, terminal, (session) => revokeToken(session, tokenId))
      if (peerId === undefined || tokenId !== undefined)
        self.error('error: name a member, or a token with --token')
      return await atAuthority(options, terminal, (session) => revokeMember(session, peerId))
    })
}

async function revokeMember(session: AuthoritySession, id: string): Promise<void> {
  const { api, json, signal, terminal } = session
  await api.revokeMember({ peerId: id }, signal)
  const text = `${printable(id)} is revoked. ${effectOf(session)}`
  await terminal.print(json ? printableJson({ id, revoked: true }, 2) : text)
}

async function revokeToken(session: AuthoritySession, tokenId: string): Promise<void> {
  const { api, json, signal, terminal } = session
  const { members } = await api.revokeJoinToken({ tokenId, members: true }, signal)
  const who = members.length === 0 ? 'none' : members.map(printable).join(', ')
  const text = `Revoked the token ${tokenId} and the members that joined with it: ${who}. ${effectOf(session)}`
  await terminal.print(json ? printableJson({ tokenId, members }, 2) : text)
}

function effectOf({ isHere }: AuthoritySession): string {
  return isHere ? 'Members learn of it when the authority runs again.' : 'Members learn of it now.'
}

function rotateCommand(terminal: Terminal): Command {
  return new Command('rotate-ca')
    .description(
      'Replaces the key of the authority. Both keys are trusted until each member has a new certificate, which takes minutes; existing join tokens become invalid.',
    )
    .option('--finish', 'stop trusting the old key; members that were away must join again')
    .action(async (options: Options & { readonly finish?: boolean }) => {
      using authority = await openAuthority(await placeOf(options))
      if (options.finish === true) authority.trust.endRotation()
      else await authority.trust.rotate()
      const { authorities, members } = authority.overview
      const text = options.finish
        ? 'The old key is no longer trusted.'
        : 'The authority has a new key. `tandem cluster status` shows who still has a certificate of the old one.'
      const result = { authorities, members: members.length }
      await terminal.print(options.json === true ? printableJson(result, 2) : text)
    })
}

interface JoinOptions {
  readonly joinFile?: string
  readonly id: string
  readonly identity: string
}

/** For readers, and for members that are to get another role. */
function joinCommand(terminal: Terminal): Command {
  return new Command('join')
    .description(
      'Joins a secured cluster without starting a peer, for readers such as CI jobs, or to give a member another role. A peer joins with `tandem peer --join TOKEN`.',
    )
    .argument(
      '[token]',
      'the join token; other users of this machine may see it while the command runs',
    )
    .option(
      '--join-file <file>',
      'file with the token, in place of the argument; - reads it from stdin',
    )
    .requiredOption('--id <id>', 'id to join with', parsePeerId)
    .requiredOption(
      '--identity <folder>',
      'folder for the key and the certificate; that of a peer is .tandem/cluster in its data folder',
    )
    .action(async (text: string | undefined, options: JoinOptions, self: Command) => {
      const { id, identity, joinFile } = options
      if ((text === undefined) === (joinFile === undefined))
        self.error('error: give a token, or its file with --join-file')
      const { joinCluster } = await import('../common/identity/join-cluster.ts')
      const token = await tokenOf(text, joinFile)
      const folder = resolve(identity)
      const dependencies = { clock: systemClock, log: await silentLog() }
      await joinCluster({ token, id, names: [], folder }, dependencies)
      await terminal.print(`${id} has joined; its key and certificate are in ${folder}.`)
    })
}

/** The token given as an argument, in a file or on stdin. @throws AppError DISK_FAILED, JOIN_TOKEN_INVALID */
async function tokenOf(given: string | undefined, file = '-'): Promise<JoinToken> {
  const [{ parseJoinToken }, { readJoinToken }] = await Promise.all([
    import('../common/identity/join-token.ts'),
    import('../common/identity/read-join-token.ts'),
  ])
  if (given === undefined && file !== '-') return await readJoinToken(file)
  const token = parseJoinToken(given ?? (await textOf(process.stdin)))
  if (token === undefined) throw new AppError('JOIN_TOKEN_INVALID')
  return token
}

function overviewText(
  { cluster, authorities, members }: ClusterOverview,
  terminal: Terminal,
): string {
  const columns = [
    { title: 'MEMBER' },
    { title: 'ROLE' },
    { title: 'JOINED' },
    { title: 'VALID UNTIL' },
    { title: 'STATE' },
  ] as const
  const current = authorities.at(-1)
  const rows = members.map(({ id, role, joinedMs, expiresMs, isRevoked, issuer, isAuthority }) => {
    const old = issuer === current ? '' : 'certificate of the old key'
    const states = [isAuthority ? 'authority' : '', isRevoked ? 'revoked' : old]
    const state = states.filter((part) => part !== '').join(', ') || 'member'
    return [id, role, localText(joinedMs), localText(expiresMs), state]
  })
  const replaced = authorities.length > 1 ? '\nThe key of the authority is being replaced.' : ''
  const style = styleOf(terminal)
  const table = tableText(columns, rows, (title) => style('bold', title))
  return `Cluster ${cluster}${replaced}\n${table}`
}
