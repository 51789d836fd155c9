import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { deadlines } from '../../common/limits.ts'
import { commandOn, type ProcessHost } from './process-host.ts'

const program = fileURLToPath(new URL('../../bin/tandem.js', import.meta.url))
/** Loading takes below a second; a large folder is hashed before a peer is ready, and machines are busy. */
const readyDeadlineMs = 60_000
/** The end of what a process wrote, to explain its failure with. */
const outputLinesMax = 200

export interface TandemProcessOptions {
  readonly role: 'index' | 'peer'
  /** A peer's id, or `index`. */
  readonly name: string
  /** Holds everything of the process. */
  readonly dataFolder: string
  readonly port: number
  readonly httpPort: number
  /** Further flags. */
  readonly flags: readonly string[]
  /** Where it runs; on this machine itself without it. */
  readonly host?: ProcessHost | undefined
  /** Whether it is kept from a Ctrl-C in the terminal, because its owner stops it in good order. */
  readonly isShielded?: boolean
}

/** A process ended before it was ready; the message has the last thing that it said. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
}

/** A real `tandem index` or `tandem peer`, started, watched and killed from outside. */
export class TandemProcess implements AsyncDisposable {
  readonly #options: TandemProcessOptions
  readonly #clock: Clock
  readonly #output: string[] = []
  #child: ChildProcess | undefined
  #ended: Promise<string> = Promise.resolve('not started')

  constructor(options: TandemProcessOptions, dependencies: { clock: Clock }) {
    this.#options = options
    this.#clock = dependencies.clock
  }

  get name(): string {
    return this.#options.name
  }

  get dataFolder(): string {
    return this.#options.dataFolder
  }

  get port(): number {
    return this.#options.port
  }

  /** A peer's HTTP API; an index has its health and metrics there. */
  get apiUrl(): URL {
    return new URL(`http://127.0.0.1:${this.#options.httpPort}`)
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the process is gone, with how it ended: `exit code 0`, `signal SIGKILL`. */
  get ended(): Promise<string> {
    return this.#ended
  }

  /** The last lines it wrote, on stdout and stderr, over all its lives. */
  get output(): readonly string[] {
    return this.#output
  }

  /**
   * Resolves when it says that it is ready.
   * @throws StartFailed when it ends instead, AppError DEADLINE_EXCEEDED
   */
  async start(): Promise<void> {
    const {
      role,
      name,
      dataFolder,
      port,
      httpPort,
      flags,
      host,
      isShielded = false,
    } = this.#options
    const ports = ['--port', String(port), '--http-port', String(httpPort)]
    const identity = role === 'peer' ? ['--peer', name, '--headless'] : []
    const given = ['--data', dataFolder, ...ports, '--log-format', 'json', ...identity, ...flags]
    const [path, words] = commandOn(host, process.execPath, [program, role, ...given])
    const child = spawn(path, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a process group of its own; on Windows that would open a window.
      detached: isShielded && process.platform !== 'win32',
    })
    this.#child = child
    this.#ended = once(child, 'close').then(([code, signal]) =>
      signal === null ? `exit code ${String(code)}` : `signal ${String(signal)}`,
    )
    const { promise: ready, resolve } = Promise.withResolvers<undefined>()
    this.#keep(child.stdout, (line) => isReady(line) && resolve(undefined))
    this.#keep(child.stderr, () => undefined)
    const deadline = { what: `Starting ${name}`, deadlineMs: readyDeadlineMs }
    const how = await withDeadline(deadline, this.#clock, () => Promise.race([ready, this.#ended]))
    if (how === undefined) return
    throw new StartFailed(`${name} did not start: ${this.#output.at(-1) ?? how}`)
  }

  /** Sends the signal and waits for the end of the process. Does nothing when it does not run. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return
    this.#child?.kill(signal)
    await this.#ended
  }

  /** Stops it, if it runs, and starts it with the same flags, ports and data. */
  async restart(): Promise<void> {
    await this[Symbol.asyncDispose]()
    await this.start()
  }

  /** SIGTERM, and SIGKILL for a process that does not obey in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const cancel = this.#clock.after(2 * deadlines.shutdownMs, () => this.#child?.kill('SIGKILL'))
    await this.kill('SIGTERM')
    cancel()
  }

  #keep(stream: Readable | null, onLine: (line: string) => void): void {
    if (stream === null) return
    createInterface({ input: stream }).on('line', (line) => {
      this.#output.push(line)
      if (this.#output.length > outputLinesMax) this.#output.shift()
      onLine(line)
    })
  }
}

/** Starts one process. @throws what {@link TandemProcess.start} throws; nothing runs then */
export async function startTandem(
  options: TandemProcessOptions,
  { clock }: { clock: Clock } = { clock: systemClock },
): Promise<TandemProcess> {
  const tandem = new TandemProcess(options, { clock })
  try {
    await tandem.start()
    return tandem
  } catch (error) {
    await tandem[Symbol.asyncDispose]()
    throw error
  }
}

/** The log is JSON, so the one other line on stdout is the sentence that tells people. */
function isReady(line: string): boolean {
  try {
    return (JSON.parse(line) as { msg?: unknown }).msg === 'ready'
  } catch {
    return true
  }
}
