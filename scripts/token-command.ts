import { Command } from 'commander'
import { joinTokenCommands } from '../peer/cli/join-token-commands.ts'
import { printable, printableJson } from '../peer/cli/printable.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { TokenPlace } from '../peer/token-file.ts'
import { addDoorOptions, atAuthority, type DoorOptions } from './authority-door.ts'

interface Options {
  readonly peer?: string
  readonly data?: string
  readonly tokenFile?: string
  readonly config?: string
  readonly new?: boolean
  readonly json?: boolean
}

/** `tandem token`: shows or replaces the token of a peer on this machine, whether or not it runs. */
export function tokenCommand(terminal: Terminal): Command {
  const command = new Command('token')
    .summary('show the token of the HTTP API, or manage join tokens')
    .description(
      'Prints the token that the web page and programs need to use a peer of this machine whose HTTP API other machines can reach. With --new, a new token replaces it, and all browsers must enter it again. `list`, `create` and `revoke` are about the tokens with which processes join a secured cluster: they work on the machine of the authority, and wherever the peer of an admin runs.',
    )
    .option('--new', 'replace the token')
    .option('--peer <id>', 'the peer (default: as configured, or peer1)')
    .option('--data <folder>', 'its data folder (default: data/<peer>)')
    .option('--token-file <file>', 'file of the token (default: .tandem/token in the data folder)')
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
    .option('--json', 'print JSON, for programs')
    .action(async (options: Options) => {
      // Only now: every command line loads this file.
      const [{ ensureToken, replaceToken }, { systemRandom }] = await Promise.all([
        import('../peer/token-file.ts'),
        import('../common/random.ts'),
      ])
      const place = await placeOf(options)
      const token = await (options.new ? replaceToken : ensureToken)(place, {
        random: systemRandom,
      })
      const { path } = place
      await terminal.print(options.json ? printableJson({ token, path }, 2) : printable(token))
    })
  const joining = joinTokenCommands<DoorOptions>((options, work) =>
    atAuthority(options, terminal, work),
  )
  for (const one of joining) command.addCommand(addDoorOptions(one))
  return command
}

async function placeOf({ peer, data, tokenFile, config }: Options): Promise<TokenPlace> {
  const [{ configFile, loadSettings }, { peerSettings }, { tokenPlace }] = await Promise.all([
    import('../common/settings.ts'),
    import('../peer/settings.ts'),
    import('../peer/token-file.ts'),
  ])
  const flags = { peer, data, tokenFile }
  const { values } = loadSettings(peerSettings, { file: configFile(config), flags })
  return tokenPlace({ ...values, data: values.data ?? `data/${values.id}` })
}
