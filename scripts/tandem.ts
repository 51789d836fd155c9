/** The command line. Modules are loaded only by the command that needs them. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCommands, addHelpCommand, newProgram, runProgram } from '../peer/cli/program.ts'
import { Terminal } from '../peer/cli/terminal.ts'
import { keepAlive } from './keep-alive.ts'

interface Role {
  readonly name: string
  readonly summary: string
  readonly load: (terminal: Terminal) => Promise<Command>
}

const roles: readonly Role[] = [
  {
    name: 'index',
    summary: 'run the index, which knows which peer has what',
    load: async () => (await import('./index-command.ts')).indexCommand(),
  },
  {
    name: 'peer',
    summary: 'run a peer, which shares and stores files',
    load: async () => (await import('./peer-command.ts')).peerCommand(),
  },
  {
    name: 'dummy',
    summary: 'run a scripted peer, for experiments',
    load: async () => (await import('./dummy-command.ts')).dummyCommand(),
  },
  {
    name: 'settings',
    summary: 'show all settings and their origins',
    load: async (terminal) => (await import('./settings-command.ts')).settingsCommand(terminal),
  },
]

/** Runs the command of this process; sets its exit code. */
export async function main(): Promise<void> {
  // The reader may stop early, like head(1); the command then ends at its next write.
  process.stdout.on('error', () => {})
  const words = process.argv.slice(2)
  const terminal = await Terminal.open({ answers: process.stdout, remarks: process.stderr })
  const program = await tandemProgram(words, terminal)
  using _alive = keepAlive()
  process.exitCode = await runProgram(program, words.length === 0 ? ['--help'] : words, terminal)
  if (process.exitCode !== 0 && process.stdout.writableLength > 0)
    // oxlint-disable-next-line no-restricted-properties -- or a stalled reader delays the exit
    process.exit()
}

async function tandemProgram(words: readonly string[], terminal: Terminal): Promise<Command> {
  const program = newProgram('tandem')
    .description('Tandem: every file has two homes.')
    .usage('COMMAND [OPTIONS]')
    .version(version(), '-V, --version', 'show the version')
    .addHelpText(
      'after',
      `
Begin with:
  tandem index                     in one terminal,
  tandem peer --peer peer1         in a second, and
  tandem peer --peer peer2         in a third; then put a file into data/peer1/shared.

Client commands call peer1 unless --peer or --api names another; --json prints JSON.
'cat' and 'download --index HOST:PORT' need no running peer.
'tandem help COMMAND' describes one command.`,
    )
  const typed = words.find((word) => !word.startsWith('-') && word !== 'help')?.toLowerCase()
  const commands = await Promise.all(
    roles.map(async ({ name, summary, load }) =>
      name === typed ? (await load(terminal)).summary(summary) : new Command(name).summary(summary),
    ),
  )
  addCommands(program, 'Processes:', commands)
  // A process that stays loads what it needs and no more.
  if (!roles.some(({ name }) => name === typed))
    addCommands(program, 'Client commands:', await commandsForClients(terminal))
  addHelpCommand(program)
  return program
}

async function commandsForClients(terminal: Terminal): Promise<Command[]> {
  const [{ clientCommands }, ...others] = await Promise.all([
    import('./client-commands.ts'),
    import('./cat-command.ts').then(({ catCommand }) => catCommand(terminal)),
    import('./health-command.ts').then(({ healthCommand }) => healthCommand(terminal)),
    import('./open-command.ts').then(({ openCommand }) => openCommand(terminal)),
    import('./token-command.ts').then(({ tokenCommand }) => tokenCommand(terminal)),
    import('./cluster-command.ts').then(({ clusterCommand }) => clusterCommand(terminal)),
  ])
  return [...clientCommands(terminal), ...others]
}

function version(): string {
  const manifest = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  return manifest.version
}
