/** How commands reach the authority of a cluster: its data folder on this machine, or a peer that asks it. */
import type { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { AppError, hasCode } from '../common/errors.ts'
import type { Authority } from '../common/identity/authority.ts'
import { untilInterrupted } from '../common/interrupted.ts'
import type { PeerApi } from '../peer/api/calls.ts'
import type { TokenSession } from '../peer/cli/join-token-commands.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import {
  type AuthorityPlace,
  addPlaceOptions,
  folderOf,
  hasAuthority,
  openAuthority,
  type PlaceOptions,
  placeOf,
} from './authority-place.ts'
import { addCallOptions } from './call-options.ts'
import { type ClientOptions, withPeer } from './client-commands.ts'

export type DoorOptions = PlaceOptions & ClientOptions

export interface AuthoritySession extends TokenSession {
  readonly api: TokenSession['api'] & Pick<PeerApi, 'revokeMember'>
  /** Whether the authority is on this machine: its process need not run. */
  readonly isHere: boolean
}

/** Adds the options of {@link atAuthority}. */
export function addDoorOptions(command: Command): Command {
  const peer =
    'the first peer of a mesh, or the peer to call (default: the index if it is on this machine, otherwise peer1)'
  return addCallOptions(addPlaceOptions(command, peer))
}

/**
 * Runs `work` with the authority in the data folder that the options name, or by default that of the index; if it
 * is not there, with a running peer, which asks the authority and must be an admin's.
 * @throws AppError NO_AUTHORITY_HERE, PEER_UNREACHABLE, NOT_IN_CLUSTER, FORBIDDEN
 */
export async function atAuthority(
  options: DoorOptions,
  terminal: Terminal,
  work: (session: AuthoritySession) => Promise<void>,
): Promise<void> {
  const { api, peer, data, host, port } = options
  const folder = await folderOf(options)
  if (api === undefined && (await hasAuthority(folder)))
    return await atPlace(await placeOf(options), options, terminal, work)
  const isOfAuthority = host !== undefined || port !== undefined
  if (isOfAuthority || (api === undefined && data !== undefined && peer === undefined))
    throw new AppError('NO_AUTHORITY_HERE', { folder })
  try {
    await withPeer(options, terminal, (session) => work({ ...session, isHere: false }))
  } catch (error) {
    if (api === undefined && hasCode(error, 'PEER_UNREACHABLE'))
      terminal.remark(`${folder} is not the folder of an authority, so this asked a running peer.`)
    throw error
  }
}

async function atPlace(
  place: AuthorityPlace,
  { json = false }: DoorOptions,
  terminal: Terminal,
  work: (session: AuthoritySession) => Promise<void>,
): Promise<void> {
  using authority = await openAuthority(place)
  const api = await apiOf(authority, place)
  await untilInterrupted((signal) =>
    work({ api, clock: systemClock, json, signal, terminal, isHere: true }),
  )
}

/** The authority itself, as admins elsewhere see it. */
async function apiOf(
  authority: Authority,
  place: AuthorityPlace,
): Promise<AuthoritySession['api']> {
  const { tokenDesk } = await import('../common/identity/token-desk.ts')
  const desk = tokenDesk(authority, place)
  return {
    joinTokens: async () => desk.list(),
    createJoinToken: async (request) => desk.create(request, undefined),
    revokeJoinToken: async (request) => desk.revoke(request, undefined),
    revokeMember: async ({ peerId }) => {
      authority.revoke(peerId)
    },
  }
}
