import { Argument, Command } from 'commander'
import { allPeers } from '../api/pages.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { printable, printableJson } from './printable.ts'
import { peersText } from './reports.ts'
import type { Session } from './session.ts'
import { styleOf } from './style.ts'

export const peersActions = ['forget', 'revoke'] as const
type PeersAction = (typeof peersActions)[number]

export function peersCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const command = new Command('peers')
    .summary('list the peers, forget a dead one, or revoke a member')
    .description(
      "Lists the peers that the index knows. 'peers forget PEER' permanently removes a dead one: its copies, its registration and its claim on its id. Its files stay as long as other peers have them. 'peers revoke PEER' revokes the certificate of a member of a secured cluster: all its connections are closed, and it can join again only with a new token.",
    )
    .addArgument(
      new Argument('[action]', 'remove a dead peer, or revoke a member').choices(peersActions),
    )
    .argument('[peer]', 'its id')
    .option('--force', 'even if no other peer has some of its files, which are then lost')
  return command.action(
    (
      action: PeersAction | undefined,
      peerId: string | undefined,
      options: Options & { readonly force?: boolean },
    ) => {
      if (action !== undefined && peerId === undefined)
        command.error(`error: usage: peers ${action} PEER`)
      return run(options, (session) => {
        if (peerId === undefined) return peers(session)
        if (action === 'revoke') return revoke(session, peerId)
        return forget(session, peerId, options.force === true)
      })
    },
  )
}

async function peers({ api, signal, terminal, json }: Session): Promise<void> {
  const found = await allPeers(api, signal)
  await terminal.print(json ? printableJson(found, 2) : peersText(found, styleOf(terminal)))
}

/** @throws AppError PEER_UNKNOWN, PEER_NOT_DEAD, FORGET_LOSES */
async function forget(
  { api, signal, terminal, json }: Session,
  peerId: string,
  force: boolean,
): Promise<void> {
  await api.forgetPeer({ peerId, force }, signal)
  const text = `${printable(peerId)} is forgotten. Its files stay as long as other peers have them; if it returns, it is a new peer.`
  await terminal.print(json ? printableJson({ peerId, forgotten: true }, 2) : text)
}

/** @throws AppError NOT_IN_CLUSTER, FORBIDDEN, MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY */
async function revoke({ api, signal, terminal, json }: Session, peerId: string): Promise<void> {
  await api.revokeMember({ peerId }, signal)
  const text = `${printable(peerId)} is revoked: its connections are closed, and it can join again only with a new token.`
  await terminal.print(json ? printableJson({ peerId, revoked: true }, 2) : text)
}
