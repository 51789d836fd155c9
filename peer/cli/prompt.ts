import { createInterface, type Interface } from 'node:readline'
import { Command } from 'commander'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { untilAborted } from '../../common/interrupted.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { PeerApi } from '../api/calls.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { peerCommands } from './commands.ts'
import { type Completion, complete } from './completion.ts'
import { readHistory, writeHistory } from './history.ts'
import { joinTokenCommand } from './join-token-commands.ts'
import { lsCommand } from './ls-command.ts'
import { pathsWith } from './paths-with.ts'
import { addCommands, addHelpCommand, newProgram, runProgram } from './program.ts'
import { type OutputStream, showsStyles, Terminal } from './terminal.ts'
import { splitWords } from './words.ts'

/** Names for Tab: users who wait longer continue typing. */
const completionMs = 1_500

export interface PromptOptions {
  /** Lines typed in earlier runs; created if absent. */
  readonly historyFile: string
  /** Paths that are typed or shown are relative to this folder. */
  readonly workingFolder: string
}

export interface PromptDependencies {
  readonly api: PeerApi
  /** Called when the user stops this peer for good. */
  readonly onLeave: () => void
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: OutputStream
  readonly errors: OutputStream
  readonly clock: Clock
  readonly log: Log
}

/**
 * Runs commands, one line at a time, until `exit`, Ctrl-D, the end of the input, or `signal`. Lines that
 * arrive while a command runs are queued; a full queue pauses the input.
 */
export async function runPrompt(
  options: PromptOptions,
  dependencies: PromptDependencies,
  signal: AbortSignal,
): Promise<void> {
  const history = await readHistory(options.historyFile, dependencies.log)
  const { output: answers, errors: remarks } = dependencies
  const terminal = await Terminal.open({ answers, remarks })
  if (!signal.aborted) await new Prompt(options, { ...dependencies, terminal }, history).run(signal)
}

class Prompt {
  readonly #options: PromptOptions
  readonly #dependencies: PromptDependencies
  readonly #terminal: Terminal
  readonly #lines: Interface
  /** Whether input and output are terminals; otherwise only replies are written. */
  readonly #isInteractive: boolean
  /** Aborts the running command. */
  #running: AbortController | undefined
  #isLeaving = false
  #isClosed = false
  /** Writes of the history, in order. */
  #historyWritten: Promise<void> = Promise.resolve()

  constructor(
    options: PromptOptions,
    dependencies: PromptDependencies & { terminal: Terminal },
    history: string[],
  ) {
    const { input, output } = dependencies
    this.#options = options
    this.#dependencies = dependencies
    this.#terminal = dependencies.terminal
    this.#isInteractive = input.isTTY === true && output.isTTY === true
    this.#lines = createInterface({
      input,
      output,
      terminal: this.#isInteractive,
      prompt: this.#isInteractive ? '> ' : '',
      history,
      historySize: limits.historyLinesMax,
      removeHistoryDuplicates: true,
      completer: (line: string, callback: CompleterCallback) => void this.#complete(line, callback),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const lines = this.#lines
    const onAbort = (): void => {
      this.#running?.abort(new AppError('STOPPING'))
      lines.close()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    lines.on('close', () => {
      this.#isClosed = true
    })
    lines.on('SIGINT', () => this.#onInterrupt())
    lines.on('history', (typed: string[]) => this.#keepHistory(typed))
    this.#showPrompt()
    // From here on the iterator queues lines and pauses the input.
    for await (const line of lines) {
      await this.#runLine(line)
      if (this.#isLeaving || signal.aborted) break
      this.#showPrompt()
    }
    lines.close()
    // After Ctrl-D the shell's prompt starts on a new line.
    if (this.#isInteractive && !this.#isLeaving) this.#dependencies.output.write('\n')
    signal.removeEventListener('abort', onAbort)
    await this.#historyWritten
  }

  #showPrompt(): void {
    if (this.#isInteractive && !this.#isClosed) this.#lines.prompt()
  }

  async #runLine(line: string): Promise<void> {
    const words = splitWords(line)
    if (words.length === 0) return
    const openQuote = words.at(-1)?.openQuote
    if (openQuote !== undefined) {
      this.#terminal.remark(`error: the quote ${openQuote} is not closed`)
      return
    }
    this.#running = new AbortController()
    const texts = words.map(({ text }) => text)
    await runProgram(this.#program(this.#running.signal), texts, this.#terminal)
    this.#running = undefined
  }

  /** A new program for each line: Commander keeps parsed options. */
  #program(signal: AbortSignal): Command {
    const { output, errors, api, clock } = this.#dependencies
    const { workingFolder } = this.#options
    const program = newProgram('')
      .usage('COMMAND [ARGUMENTS]')
      .configureOutput({
        writeOut: (text) => void output.write(text),
        writeErr: (text) => void errors.write(text),
        getOutHasColors: () => showsStyles(output),
        getErrHasColors: () => showsStyles(errors),
      })
    const run: RunCommand<CommonOptions> = ({ json = false }, work) =>
      untilAborted(signal, () =>
        work({ api, clock, workingFolder, signal, json, terminal: this.#terminal }),
      )
    addCommands(program, 'Commands:', peerCommands(run))
    addCommands(program, 'Commands:', [
      joinTokenCommand(run),
      lsCommand({ workingFolder, terminal: this.#terminal, signal }),
      new Command('exit')
        .alias('quit')
        .summary('stop this peer')
        .option('--leave', 'leave the cluster for good: its files are copied elsewhere immediately')
        .action(({ leave = false }: { leave?: boolean }) => {
          this.#isLeaving = true
          if (leave) this.#dependencies.onLeave()
        }),
    ])
    addHelpCommand(program)
    return program
  }

  #onInterrupt(): void {
    if (this.#running !== undefined) {
      const details = { what: 'The command', hint: 'run it again' }
      this.#running.abort(new AppError('INTERRUPTED', details))
      return
    }
    const { output } = this.#dependencies
    output.write(this.#lines.line === '' ? "\nType 'exit' to stop this peer.\n" : '\n')
    // Clears the line, as a shell does.
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    this.#showPrompt()
  }

  #keepHistory(typed: readonly string[]): void {
    const lines = [...typed]
    const { historyFile } = this.#options
    this.#historyWritten = this.#historyWritten.then(() =>
      writeHistory(historyFile, lines, this.#dependencies.log),
    )
  }

  async #complete(line: string, callback: CompleterCallback): Promise<void> {
    const { api, clock, log } = this.#dependencies
    const { workingFolder } = this.#options
    const sources = {
      api,
      commands: this.#program(AbortSignal.abort()).commands,
      pathsWith: (partial: string) => pathsWith(workingFolder, partial),
    }
    const deadline = { what: 'Completion', deadlineMs: completionMs }
    try {
      callback(
        null,
        await withDeadline(deadline, clock, (signal) => complete(line, sources, signal)),
      )
    } catch (error) {
      // Without an index there are no candidates; the next command reports why.
      log.debug({ reason: reasonOf(error) }, 'completion failed')
      callback(null, [[], line])
    }
  }
}

type CompleterCallback = (error: null, completion: Completion) => void
