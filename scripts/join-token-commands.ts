/** `tandem token list | create | revoke`: join tokens, on the machine of the authority. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../common/clock.ts'
import { durationMsOf, durationRule } from '../common/duration.ts'
import type { TokenRow } from '../common/identity/authority-store.ts'
import { type TokenRole, tokenRoles } from '../common/identity/cluster-role.ts'
import { limits } from '../common/limits.ts'
import { durationText, localText } from '../peer/cli/human-units.ts'
import { printableJson } from '../peer/cli/printable.ts'
import { styleOf } from '../peer/cli/style.ts'
import { tableText } from '../peer/cli/table.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import {
  addPlaceOptions,
  joinLine,
  openAuthority,
  type PlaceOptions,
  placeOf,
} from './authority-place.ts'

interface CreateOptions extends PlaceOptions {
  readonly for: number
  readonly uses?: number
  readonly role: TokenRole
  readonly json?: boolean
}

/** How long the tokens of `create` are valid by default. */
const defaultFor = '24h'

export function joinTokenCommands(terminal: Terminal): Command[] {
  const commands = [listCommand(terminal), createCommand(terminal), revokeCommand(terminal)]
  return commands.map((command) => addPlaceOptions(command).option('--json', 'print JSON'))
}

function listCommand(terminal: Terminal): Command {
  return new Command('list')
    .description('Lists the join tokens of the cluster, on the machine of the authority.')
    .action(async (_: unknown, self: Command) => {
      const { json, ...options } = self.optsWithGlobals<PlaceOptions & { json?: boolean }>()
      using authority = await openAuthority(await placeOf(options))
      const tokens = authority.tokens.list()
      if (json === true) await terminal.print(printableJson(tokens, 2))
      else if (tokens.length === 0) await terminal.print('No join tokens.')
      else await terminal.print(tokensText(tokens, terminal))
    })
}

function createCommand(terminal: Terminal): Command {
  return new Command('create')
    .description(
      'Makes a join token, on the machine of the authority. Each process that has it can join the cluster until it expires.',
    )
    .option('--for <duration>', 'how long it is valid', parseFor, durationMsOf(defaultFor))
    .option(
      '--uses <number>',
      `how many may join with it (default and most: ${limits.membersPerTokenMax})`,
      parseUses,
    )
    .addOption(
      new Option(
        '--role <role>',
        'reader: only looks up and downloads; admin: a peer that may also change the cluster',
      )
        .choices(tokenRoles)
        .default('peer'),
    )
    .action(async (_: unknown, self: Command) => {
      const options = self.optsWithGlobals<CreateOptions>()
      const place = await placeOf(options)
      using authority = await openAuthority(place)
      const { role, uses: usesMax, for: forMs } = options
      const secret = authority.tokens.create({ role, forMs, usesMax })
      const line = await joinLine(place, authority, secret)
      const token = line.slice(line.lastIndexOf(' ') + 1)
      if (options.json === true) {
        const expiresMs = Math.floor(systemClock.nowMs() + forMs)
        await terminal.print(printableJson({ token, role, expiresMs, usesMax }, 2))
        return
      }
      await terminal.print(role === 'reader' ? readerLine(token) : line)
      const uses = usesMax === undefined ? '' : `, for ${usesMax} to join`
      terminal.remark(`Valid for ${durationText(forMs / 1_000)}${uses}. It is not shown again.`)
    })
}

/** A reader joins once, and looks up and downloads from then on. */
function readerLine(token: string): string {
  return `tandem cluster join ${token} --id NAME --identity FOLDER`
}

function revokeCommand(terminal: Terminal): Command {
  return new Command('revoke')
    .description(
      'Revokes a join token: no further process can join with it. Members that have joined stay; `tandem cluster revoke --token ID` revokes them, too.',
    )
    .argument('<token>', 'its id, the first digits of its secret, as `tandem token list` shows')
    .action(async (tokenId: string, _: unknown, self: Command) => {
      const { json, ...options } = self.optsWithGlobals<PlaceOptions & { json?: boolean }>()
      using authority = await openAuthority(await placeOf(options))
      authority.tokens.revoke(tokenId)
      const text = `The token ${tokenId} is revoked.`
      await terminal.print(json === true ? printableJson({ tokenId, revoked: true }, 2) : text)
    })
}

function tokensText(tokens: readonly TokenRow[], terminal: Terminal): string {
  const columns = [
    { title: 'TOKEN' },
    { title: 'ROLE' },
    { title: 'USES', align: 'right' },
    { title: 'EXPIRES' },
    { title: 'STATE' },
  ] as const
  const rows = tokens.map((token) => [
    token.tokenId,
    token.role,
    `${token.uses}${token.usesMax === undefined ? '' : ` of ${token.usesMax}`}`,
    localText(token.expiresMs),
    stateOf(token),
  ])
  const style = styleOf(terminal)
  return tableText(columns, rows, (title) => style('bold', title))
}

function stateOf({ isRevoked, expiresMs, uses, usesMax }: TokenRow): string {
  if (isRevoked) return 'revoked'
  if (expiresMs <= systemClock.nowMs()) return 'expired'
  return usesMax !== undefined && uses >= usesMax ? 'used' : 'valid'
}

function parseFor(text: string): number {
  const ms = durationMsOf(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError(`It ${durationRule}.`)
  return ms
}

function parseUses(text: string): number {
  const uses = Number(text)
  const max = limits.membersPerTokenMax
  if (!Number.isSafeInteger(uses) || uses < 1 || uses > max)
    throw new InvalidArgumentError(`Must be 1 to ${max}.`)
  return uses
}
