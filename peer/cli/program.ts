import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { AppError, hasCode, reasonOf, systemErrorCode, toAppError } from '../../common/errors.ts'
import { exitCodeOf } from '../../common/interrupted.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** A program with readable help and one-line errors that throws instead of ending the process. */
export function newProgram(name: string): Command {
  return new Command(name)
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      styleTitle: (text) => styleText('bold', text, { validateStream: false }),
      styleSubcommandText: (text) => styleText('cyan', text, { validateStream: false }),
      styleOptionText: (text) => styleText('cyan', text, { validateStream: false }),
      commandUsage: (command) =>
        [name, ...pathOf(command), command.usage()].filter((word) => word !== '').join(' '),
      subcommandTerm: (command) => `${namesOf(command)} ${argumentsOf(command)}`.trimEnd(),
    })
    .configureOutput({
      outputError: (text, write) => write(`${printable(oneLine(withRemedy(text)))}\n`),
    })
}

/** The names of the command and of the commands that it belongs to, without the program's. */
function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()]
}

/** A name may look like an option. */
function withRemedy(complaint: string): string {
  return complaint.replace(
    /unknown option '[^\n]*/,
    (found) => `${found}. Put a name that begins with '-' after '--': 'lookup -- -name'`,
  )
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

/** `download|get` */
function namesOf(command: Command): string {
  return [command.name(), ...command.aliases()].join('|')
}

function argumentsOf(command: Command): string {
  return command.registeredArguments
    .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
    .join(' ')
}

/** Adds commands, which inherit the program's help and error format. */
export function addCommands(program: Command, group: string, commands: readonly Command[]): void {
  for (const command of commands) {
    const hint = `See '${`${program.name()} help ${command.name()}`.trim()}'.`
    program.addCommand(
      command.copyInheritedSettings(program).helpGroup(group).showHelpAfterError(hint),
    )
    if (command.commands.length > 0)
      command.helpCommand('help [command]', 'Shows help for a command.')
    for (const nested of command.commands) nested.copyInheritedSettings(command)
  }
}

/** Adds the command `help` to the group of the last command. */
export function addHelpCommand(program: Command): void {
  const last = program.commands.at(-1)
  const help = new Command('help').argument('[command]').summary('show help for a command')
  program.addHelpCommand(last === undefined ? help : help.helpGroup(last.helpGroup()))
}

const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const

/**
 * Runs the typed command and reports its error, if any.
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
    // Commander has printed the error or the help.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage
    // The reader stopped early.
    if (systemErrorCode(error) === 'EPIPE') return exitCodes.done
    reportFailure(error, terminal)
    return hasCode(error, 'INTERRUPTED') ? exitCodeOf(error) : exitCodes.failed
  }
}

/** The command name in lower case; other words unchanged. */
function withoutCase(program: Command, word: string): string {
  const name = word.toLowerCase()
  return program.commands.some(
    (command) => command.name() === name || command.aliases().includes(name),
  )
    ? name
    : word
}

/** Prints the error on one line. */
function reportFailure(error: unknown, terminal: Terminal): void {
  const { code } = toAppError(error)
  const sentence = error instanceof AppError ? error.message : reasonOf(error)
  terminal.remark(`${terminal.styleRemark('red', `${code}:`)} ${printable(sentence)}`)
}
