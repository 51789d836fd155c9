import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { shutdownMs } from '../../common/run-process.ts'
import { commandOn, type ProcessHost } from './process-host.ts'

const program = fileURLToPath(new URL('../../bin/tandem.js', import.meta.url))
/**
 * Loading takes less than a second, but a large folder is hashed before a peer is ready, and
 * machines are busy.
 */
const readyDeadlineMs = 60_000
/** Lines of output to keep for error messages. */
const outputLinesMax = 200

export interface TandemProcessOptions {
  readonly role: 'index' | 'peer'
  /** A peer's id, or `index`. */
  readonly name: string
  /** Contains all data of the process. */
  readonly dataFolder: string
  readonly port: number
  readonly httpPort: number
  /** Additional flags. */
  readonly flags: readonly string[]
  /** Whether a peer is given its name as its id; by default it is. */
  readonly isNamed?: boolean | undefined
  /** Where it runs; by default this machine. */
  readonly host?: ProcessHost | undefined
  /**
   * Whether it is shielded from a Ctrl-C in the terminal, because its owner stops it gracefully.
   */
  readonly isShielded?: boolean
  /** Ends waiting for its start when aborted. */
  readonly signal?: AbortSignal | undefined
}

/** A process ended before it was ready; the message has its last output. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
}

/** A real `tandem index` or `tandem peer`, started, observed and killed from outside. */
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

  /** A peer's HTTP API; for an index, its health and metrics. */
  get apiUrl(): URL {
    return new URL(`http://127.0.0.1:${this.#options.httpPort}`)
  }

  /** Undefined if it is not running. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the process has ended, with how: `exit code 0`, `signal SIGKILL`. */
  get ended(): Promise<string> {
    return this.#ended
  }

  /** Its last lines on stdout and stderr, over all its lives. */
  get output(): readonly string[] {
    return this.#output
  }

  /**
   * Resolves when it reports that it is ready.
   * @throws StartFailed if it ends instead, AppError DEADLINE_EXCEEDED, the signal's reason
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
      isNamed = true,
      isShielded = false,
      signal,
    } = this.#options
    const ports = ['--port', String(port), '--http-port', String(httpPort)]
    const id = isNamed ? ['--peer', name] : []
    const identity = role === 'peer' ? [...id, '--headless'] : []
    const given = ['--data', dataFolder, ...ports, '--log-format', 'json', ...identity, ...flags]
    const [path, words] = commandOn(host, process.execPath, [program, role, ...given])
    const child = spawn(path, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // In its own process group; on Windows that would open a window.
      detached: isShielded && process.platform !== 'win32',
    })
    this.#child = child
    this.#ended = once(child, 'close').then(([code, signal]) =>
      signal === null ? `exit code ${String(code)}` : `signal ${String(signal)}`,
    )
    const { promise: ready, resolve } = Promise.withResolvers<undefined>()
    this.#keep(child.stdout, (line) => isReady(line) && resolve(undefined))
    this.#keep(child.stderr, () => undefined)
    const deadline = { what: `Starting ${name}`, deadlineMs: readyDeadlineMs, signal }
    const how = await withDeadline(deadline, this.#clock, () => Promise.race([ready, this.#ended]))
    if (how === undefined) return
    throw new StartFailed(`${name} did not start: ${this.#output.at(-1) ?? how}`)
  }

  /** Sends the signal and waits for the end of the process. Does nothing if it is not running. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return
    this.#child?.kill(signal)
    await this.#ended
  }

  /** Stops it, if it is running, and starts it with the same flags, ports and data. */
  async restart(): Promise<void> {
    await this[Symbol.asyncDispose]()
    await this.start()
  }

  /** SIGTERM, then SIGKILL if the process does not end in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const cancel = this.#clock.after(2 * shutdownMs, () => this.#child?.kill('SIGKILL'))
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

/** Starts one process. @throws errors of {@link TandemProcess.start}; nothing is running then */
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

/** The log is JSON, so the only other line on stdout is the ready sentence. */
function isReady(line: string): boolean {
  try {
    return (JSON.parse(line) as { msg?: unknown }).msg === 'ready'
  } catch {
    return true
  }
}
