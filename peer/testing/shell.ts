import { AppError } from '../../common/errors.ts'
import { untilAborted } from '../../common/interrupted.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { CommonOptions, RunCommand } from '../cli/command.ts'
import { peerCommands } from '../cli/commands.ts'
import { joinTokenCommand } from '../cli/join-token-commands.ts'
import { addCommands, addHelpCommand, newProgram, runProgram } from '../cli/program.ts'
import { Terminal } from '../cli/terminal.ts'
import { CapturedOutput } from './captured-output.ts'
import { FakePeerApi } from './fake-peer-api.ts'

/** A command line with a fake peer. */
export class Shell {
  readonly clock = new FakeClock()
  readonly peer = new FakePeerApi({ clock: this.clock })
  readonly stop = new AbortController()
  readonly answers: CapturedOutput
  readonly remarks: CapturedOutput
  readonly #workingFolder: string

  constructor(options: { isTTY?: boolean; workingFolder?: string } = {}) {
    this.answers = new CapturedOutput(options)
    this.remarks = new CapturedOutput(options)
    this.#workingFolder = options.workingFolder ?? '/home/ada'
  }

  /** Interrupts the running command as a signal does. */
  interrupt(signal: string): void {
    const hint = 'run it again'
    this.stop.abort(new AppError('INTERRUPTED', { what: 'The command', hint, signal }))
  }

  /** Types a command; returns its exit code. */
  async type(...words: string[]): Promise<number> {
    const terminal = await Terminal.open({ answers: this.answers, remarks: this.remarks })
    const program = newProgram('tandem').configureOutput({
      writeOut: (text) => this.answers.write(text),
      writeErr: (text) => this.remarks.write(text),
    })
    const { clock } = this
    const { api } = this.peer
    const { signal } = this.stop
    const workingFolder = this.#workingFolder
    const run: RunCommand<CommonOptions> = ({ json = false }, work) =>
      untilAborted(signal, () => work({ api, clock, signal, json, workingFolder, terminal }))
    addCommands(program, 'Commands:', [...peerCommands(run), joinTokenCommand(run)])
    addHelpCommand(program)
    return await runProgram(program, words, terminal)
  }

  /** The JSON output of a command. */
  async json(...words: string[]): Promise<unknown> {
    const before = this.answers.text.length
    const code = await this.type(...words, '--json')
    if (code !== 0) throw new Error(this.remarks.text)
    return JSON.parse(this.answers.text.slice(before))
  }
}
