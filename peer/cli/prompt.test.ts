import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { CapturedOutput } from '../testing/captured-output.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { historyLineCharactersMax, readHistory, writeHistory } from './history.ts'
import { runPrompt } from './prompt.ts'

const keys = { ctrlC: '\u0003', ctrlD: '\u0004', up: '\u001b[A', tab: '\t', enter: '\r' } as const

/** Below the time of a test, so that its failure says what is missing. */
const answerMs = 20_000

class Keyboard extends PassThrough {
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  setRawMode(): this {
    return this
  }
}

/** The prompt of a peer, on a terminal or a pipe. */
class Seat implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly peer = new FakePeerApi({ clock: this.clock })
  readonly input: Keyboard
  readonly output: CapturedOutput
  readonly errors: CapturedOutput
  readonly left: Promise<void>
  isLeftForGood = false
  readonly #stop = new AbortController()

  constructor(historyFile: string, options: { isTTY: boolean }) {
    this.input = new Keyboard(options.isTTY)
    this.output = new CapturedOutput(options)
    this.errors = new CapturedOutput(options)
    const { input, output, errors, clock } = this
    const { api } = this.peer
    this.left = runPrompt(
      { historyFile, workingFolder: '/home/ada' },
      {
        api,
        onLeave: () => (this.isLeftForGood = true),
        input,
        output,
        errors,
        clock,
        log: silentLog,
      },
      this.#stop.signal,
    )
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Types, waits until `text` is written, and returns the output. */
  async type(typed: string, text: string): Promise<string> {
    const [outputStart, errorsStart] = [this.output.text.length, this.errors.text.length]
    this.input.write(typed)
    // The prompt begins only when the history is read, which takes any number of turns.
    return await vi.waitFor(
      () => {
        const answers = [this.output.text.slice(outputStart), this.errors.text.slice(errorsStart)]
        const found = answers.find((answer) => answer.includes(text))
        if (found !== undefined) return found
        throw new Error(`no ${text} in ${JSON.stringify(this.output.text + this.errors.text)}`)
      },
      { timeout: answerMs, interval: 1 },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.left
  }
}

describe('a prompt on a pipe', () => {
  async function piped(text: string, prepare: (seat: Seat) => void = () => {}): Promise<Seat> {
    await using folder = await temporaryFolder()
    const seat = new Seat(join(folder.path, 'history'), { isTTY: false })
    prepare(seat)
    seat.input.end(text)
    await seat.left
    return seat
  }

  test('runs the commands in order and ends with the input', async () => {
    const { output, errors } = await piped(
      'lookup a.txt\n\nLIST local\nlokup\nlist local',
      (seat) => {
        seat.peer.add('a.txt', 'shared')
      },
    )
    const list = 'Local files (1):\n  - a.txt (5 bytes)\n'
    expect(output.text).toBe(`Peers serving 'a.txt':\n  - peer2 @ 127.0.0.1:7101\n${list}${list}`)
    expect(errors.text).toBe("error: unknown command 'lokup' (Did you mean lookup?)\n")
  })

  test.each(['exit', 'quit', 'EXIT'])('ends at %s', async (word) => {
    const { output, isLeftForGood } = await piped(`${word}\nstats\n`)
    expect([output.text, isLeftForGood]).toEqual(['', false])
  })

  test('leaves for good only if exit is told so', async () => {
    const { output, isLeftForGood } = await piped('exit --leave\nstats\n')
    expect([output.text, isLeftForGood]).toEqual(['', true])
  })

  test('continues after a failed command', async () => {
    const { errors, output } = await piped("lookup nobody\nlookup 'open\nstatus\n")
    expect(errors.text).toMatch(/^NAME_NOT_FOUND: .*\nerror: the quote ' is not closed\n$/)
    expect(output.text).toContain('2 live')
  })

  test('accepts many lines at a time', async () => {
    const { output } = await piped('stats\n'.repeat(3_000))
    expect(output.text.split('Throughput').length).toBe(3_001)
  })

  test('can be stopped from outside', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: false })
    seat.stop()
    await seat.left
    expect(seat.output.text).toBe('')
  })
})

describe('a prompt on a terminal', () => {
  test('prompts, answers, and leaves on exit', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    seat.peer.add('a.txt')
    await seat.type(`lookup a.txt${keys.enter}`, '  - peer2 @ 127.0.0.1:7101')
    seat.input.write(`exit${keys.enter}`)
    await seat.left
    expect(seat.output.text).toContain('> ')
  })

  test('completes names at Tab', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    seat.peer.add('my file.txt')
    await seat.type(`lookup my${keys.tab}`, "'my file.txt'")
    expect(await seat.type(keys.enter, 'peer2 @')).toContain("Peers serving 'my file.txt':")
  })

  test('offers nothing without an index, and continues', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    seat.peer.failure = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })
    await seat.type(`why a${keys.tab}`, 'why a')
    expect(await seat.type(keys.enter, 'INDEX')).toContain('INDEX_UNREACHABLE')
  })

  test('Ctrl-C interrupts the running command, not the peer', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    seat.peer.finishesDownloads = false
    await seat.type(`download a.bin${keys.enter}`, '0 B of 10 B')
    await seat.type(keys.ctrlC, "The download of 'a.bin' was interrupted: its partial data is kept")
    expect((await seat.peer.download({ id: 'd1', waitMs: 0 })).state).toBe('paused')
    expect(await seat.type(`status${keys.enter}`, '2 live')).toContain('Contents:')
  })

  test('Ctrl-C clears the line, and says how to leave if it is empty', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    await seat.type('lookup half', 'half')
    await seat.type(keys.ctrlC, '> ')
    await seat.type(`status${keys.enter}`, '2 live')
    await seat.type(keys.ctrlC, "Type 'exit' to stop this peer.")
    expect(seat.errors.text).toBe('')
  })

  test('Ctrl-D leaves', async () => {
    await using folder = await temporaryFolder()
    await using seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    await seat.type('', '> ')
    seat.input.write(keys.ctrlD)
    await seat.left
    expect(seat.output.text.endsWith('\n')).toBe(true)
  })

  test('stops immediately when the peer does, even while a command runs', async () => {
    await using folder = await temporaryFolder()
    const seat = new Seat(join(folder.path, 'history'), { isTTY: true })
    seat.peer.finishesDownloads = false
    await seat.type(`download a.bin${keys.enter}`, '0 B of 10 B')
    seat.stop()
    await seat.left
    expect(seat.errors.text).toContain('STOPPING')
    // Its next run resumes the download.
    expect((await seat.peer.download({ id: 'd1', waitMs: 0 })).state).toBe('running')
  })

  test('remembers lines between runs', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, '.tandem', 'history')
    {
      await using seat = new Seat(file, { isTTY: true })
      await seat.type(`stats${keys.enter}`, 'Throughput')
      await seat.type(`status${keys.enter}`, '2 live')
    }
    expect(await readFile(file, 'utf8')).toBe('status\nstats\n')
    await using later = new Seat(file, { isTTY: true })
    await later.type('', '> ')
    await later.type(keys.up + keys.up + keys.enter, 'Throughput')
  })
})

describe('the history file', () => {
  test('is bounded', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'history')
    const long = 'x'.repeat(historyLineCharactersMax + 1)
    const lines = [long, ...Array.from({ length: 2_000 }, (_, count) => `line ${count}`)]
    await writeHistory(file, lines, silentLog)
    const kept = await readHistory(file, silentLog)
    expect([kept.length, kept[0]]).toEqual([limits.historyLinesMax, 'line 0'])
  })

  test.skipIf(process.platform === 'win32')('can be read by its owner alone', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'history')
    await writeFile(`${file}.new`, '')
    await chmod(`${file}.new`, 0o644)
    await writeHistory(file, ['lookup secret.txt'], silentLog)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('may be missing or unwritable without any failure', async () => {
    await using folder = await temporaryFolder()
    expect(await readHistory(join(folder.path, 'none'), silentLog)).toEqual([])
    expect(await readHistory(folder.path, silentLog)).toEqual([])
    const impossible = join(folder.path, 'a folder')
    await mkdir(impossible)
    await writeHistory(impossible, ['a'], silentLog)
    expect(await readdir(folder.path)).toEqual(['a folder'])
  })
})
