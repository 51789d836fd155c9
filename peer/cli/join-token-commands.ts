/** `token list | create | revoke`: the tokens with which processes join a secured cluster. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { durationMsOf, durationRule } from '../../common/duration.ts'
import { type TokenRole, tokenRoles } from '../../common/identity/cluster-role.ts'
import { limits } from '../../common/limits.ts'
import type { CallReply, PeerApi } from '../api/calls.ts'
import type { CommonOptions } from './command.ts'
import { durationText, localText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { styleOf } from './style.ts'
import { tableText } from './table.ts'

/** What the commands need, of a peer or of the authority itself. */
export interface TokenSession extends Pick<Session, 'clock' | 'json' | 'signal' | 'terminal'> {
  readonly api: Pick<PeerApi, 'createJoinToken' | 'joinTokens' | 'revokeJoinToken'>
}

/** Runs `work` with a session. */
export type RunTokenCommand<Options extends CommonOptions> = (
  options: Options,
  work: (session: TokenSession) => Promise<void>,
) => Promise<void>

interface CreateOptions {
  readonly for: number
  readonly uses?: number
  readonly role: TokenRole
}

type Token = CallReply<'joinTokens'>['tokens'][number]

/** How long the tokens of `create` are valid by default. */
const defaultFor = '24h'

/** The command of the prompt; on the command line `tandem token` does more. */
export function joinTokenCommand<Options extends CommonOptions>(
  run: RunTokenCommand<Options>,
): Command {
  const command = new Command('token')
    .summary('manage the tokens with which processes join a secured cluster')
    .description('Manages the tokens with which processes join a secured cluster, for admins.')
  for (const one of joinTokenCommands(run)) command.addCommand(one)
  return command
}

export function joinTokenCommands<Options extends CommonOptions>(
  run: RunTokenCommand<Options>,
): Command[] {
  const commands = [listCommand(run), createCommand(run), revokeCommand(run)]
  return commands.map((command) => command.option('--json', 'print JSON, for programs'))
}

function listCommand<Options extends CommonOptions>(run: RunTokenCommand<Options>): Command {
  return new Command('list')
    .description('Lists the join tokens of the cluster, without their secrets.')
    .action((_: unknown, self: Command) =>
      run(self.optsWithGlobals<Options>(), async ({ api, clock, json, signal, terminal }) => {
        const { tokens } = await api.joinTokens(signal)
        const style = styleOf(terminal)
        const text = (): string =>
          tokens.length === 0
            ? 'No join tokens.'
            : tokensText(tokens, clock.nowMs(), (title) => style('bold', title))
        await terminal.print(json ? printableJson(tokens, 2) : text())
      }),
    )
}

function createCommand<Options extends CommonOptions>(run: RunTokenCommand<Options>): Command {
  return new Command('create')
    .description(
      'Makes a join token. Any process that has it can join the cluster until it expires.',
    )
    .addOption(
      new Option('--for <duration>', 'how long it is valid')
        .argParser(parseFor)
        .default(durationMsOf(defaultFor), defaultFor),
    )
    .option(
      '--uses <number>',
      `how many processes may join with it (default and maximum: ${limits.membersPerTokenMax})`,
      parseUses,
    )
    .addOption(
      new Option(
        '--role <role>',
        'reader: only lookups and downloads; admin: a peer that may also change the cluster',
      )
        .choices(tokenRoles)
        .default('peer'),
    )
    .action((_: unknown, self: Command) => {
      const options = self.optsWithGlobals<Options & CreateOptions>()
      const { role, uses: usesMax, for: forMs } = options
      return run(options, async ({ api, json, signal, terminal }) => {
        const asked = { role, forMs, ...(usesMax !== undefined && { usesMax }) }
        const created = await api.createJoinToken(asked, signal)
        await terminal.print(json ? printableJson(created, 2) : printable(created.command))
        if (json) return
        const uses =
          usesMax === undefined ? '' : `, for ${usesMax} ${usesMax === 1 ? 'use' : 'uses'}`
        terminal.remark(`Valid for ${durationText(forMs / 1_000)}${uses}. It is not shown again.`)
      })
    })
}

function revokeCommand<Options extends CommonOptions>(run: RunTokenCommand<Options>): Command {
  return new Command('revoke')
    .description(
      'Revokes a join token, so that no more processes can join with it. Members that joined with it stay; `tandem cluster revoke --token ID` revokes them as well.',
    )
    .argument(
      '<token>',
      'id of the token: the first digits of its secret, as listed by `token list`',
      parseTokenId,
    )
    .action((tokenId: string, _: unknown, self: Command) =>
      run(self.optsWithGlobals<Options>(), async ({ api, json, signal, terminal }) => {
        await api.revokeJoinToken({ tokenId, members: false }, signal)
        const text = `The token ${tokenId} is revoked.`
        await terminal.print(json ? printableJson({ tokenId, revoked: true }, 2) : text)
      }),
    )
}

function tokensText(
  tokens: readonly Token[],
  nowMs: number,
  bold: (title: string) => string,
): string {
  const columns = [
    { title: 'TOKEN' },
    { title: 'ROLE' },
    { title: 'USES', align: 'right' },
    { title: 'EXPIRES' },
    { title: 'MADE BY' },
    { title: 'STATE' },
  ] as const
  const rows = tokens.map((token) => [
    token.tokenId,
    token.role,
    `${token.uses}${token.usesMax === undefined ? '' : ` of ${token.usesMax}`}`,
    localText(token.expiresMs),
    token.createdBy ?? '',
    stateOf(token, nowMs),
  ])
  return tableText(columns, rows, bold)
}

function stateOf({ isRevoked, expiresMs, uses, usesMax }: Token, nowMs: number): string {
  if (isRevoked) return 'revoked'
  if (expiresMs <= nowMs) return 'expired'
  return uses >= (usesMax ?? limits.membersPerTokenMax) ? 'used' : 'valid'
}

function parseFor(text: string): number {
  const ms = durationMsOf(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError(`It ${durationRule}.`)
  const days = limits.joinTokenMsMax / 86_400_000
  if (ms > limits.joinTokenMsMax) throw new InvalidArgumentError(`Must be at most ${days}d.`)
  return ms
}

function parseUses(text: string): number {
  const uses = Number(text)
  const max = limits.membersPerTokenMax
  if (!Number.isSafeInteger(uses) || uses < 1 || uses > max)
    throw new InvalidArgumentError(`Must be 1 to ${max}.`)
  return uses
}

/** @throws InvalidArgumentError if it is not the id of a token, but for example a whole one */
export function parseTokenId(text: string): string {
  if (!/^[0-9a-f]{8}$/.test(text))
    throw new InvalidArgumentError('Must be 8 hexadecimal digits, as `token list` shows them.')
  return text
}
