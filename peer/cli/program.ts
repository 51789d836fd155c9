import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { AppError, hasCode, reasonOf, systemErrorCode, toAppError } from '../../common/errors.ts'
import { exitCodeOf } from '../../common/interrupted.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** A program whose help is easy to read, whose complaints are one line, and that throws instead of ending the process. */
export function newProgram(name: string): Command {
  return new Command(name)
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      styleTitle: (text) => styleText('bold', text, { validateStream: false }),
      styleSubcommandText: (text) => styleText('cyan', text, { validateStream: false }),
      styleOptionText: (text) => styleText('cyan', text, { validateStream: false }),
      commandUsage: (command) =>
        [name, command.parent === null ? '' : command.name(), command.usage()]
          .filter((word) => word !== '')
          .join(' '),
      subcommandTerm: (command) => `${command.name()} ${argumentsOf(command)}`.trimEnd(),
    })
    .configureOutput({
      outputError: (text, write) => write(`${printable(oneLine(withRemedy(text)))}\n`),
    })
}

/** A name may look like an option. */
function withRemedy(complaint: string): string {
  return complaint.replace(
    /unknown option '[^\n]*/,
    (found) => `${found}. A name that begins with '-' is given after '--', as in 'lookup -- -name'`,
  )
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

function argumentsOf(command: Command): string {
  return command.registeredArguments
    .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
    .join(' ')
}

/** Adds commands that were made on their own; they then help and complain like the program. */
export function addCommands(program: Command, group: string, commands: readonly Command[]): void {
  for (const command of commands) {
    const hint = `'${`${program.name()} help ${command.name()}`.trim()}' says more.`
    program.addCommand(
      command.copyInheritedSettings(program).helpGroup(group).showHelpAfterError(hint),
    )
  }
}

/** Adds `help`, as a command among the others. */
export function addHelpCommand(program: Command): void {
  const last = program.commands.at(-1)
  const help = new Command('help').argument('[command]').summary('say more about a command')
  program.addHelpCommand(last === undefined ? help : help.helpGroup(last.helpGroup()))
}

const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const

/**
 * Runs what was typed and says what went wrong, if anything.
 * @returns the exit code
 */
export async function runProgram(
  program: Command,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [first = '', ...others] = words
  try {
    await program.parseAsync([withoutCase(program, first), ...others], { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Commander has printed its complaint, or the help that was asked for.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    // Whoever read the answer has seen enough.
    if (systemErrorCode(error) === 'EPIPE') return exitCodes.done
    reportFailure(error, terminal)
    return hasCode(error, 'INTERRUPTED') ? exitCodeOf(error) : exitCodes.failed
  }
}

/** A command typed in any case. */
function withoutCase(program: Command, word: string): string {
  const name = word.toLowerCase()
  return program.commands.some(
    (command) => command.name() === name || command.aliases().includes(name),
  )
    ? name
    : word
}

/** Says on one line what went wrong and what to do. */
function reportFailure(error: unknown, terminal: Terminal): void {
  const { code } = toAppError(error)
  const sentence = error instanceof AppError ? error.message : reasonOf(error)
  terminal.remark(`${terminal.styleRemark('red', `${code}:`)} ${printable(sentence)}`)
}
