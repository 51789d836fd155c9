import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { pathOf } from './anchor-programs.ts'

const run = promisify(execFile)
const door = fileURLToPath(new URL('./network-door.ts', import.meta.url))
const startDeadlineMs = 10_000

/**
 * A separate network for the processes started in it. It is anonymous and lasts as long as they do,
 * so that nothing is left to clean up.
 */
export class NetworkNamespace implements AsyncDisposable {
  readonly #holder: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(holder: ChildProcess) {
    this.#holder = holder
    this.#ended = once(holder, 'exit')
  }

  /** @throws Error if this user may not create one, AppError DEADLINE_EXCEEDED */
  static async create(): Promise<NetworkNamespace> {
    const holder = spawn(pathOf('unshare'), ['--net', process.execPath, door], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Shielded from a Ctrl-C in the terminal: its processes are reached through it until they are
      // stopped.
      detached: true,
    })
    const namespace = new NetworkNamespace(holder)
    const deadline = { what: 'Making a network namespace', deadlineMs: startDeadlineMs }
    try {
      await withDeadline(deadline, systemClock, () => namespace.#ready())
      return namespace
    } catch (error) {
      await namespace[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The process that identifies it for `ip`. */
  get pid(): number {
    return Number(this.#holder.pid)
  }

  /** The command prefix that runs a program in it. */
  get prefix(): readonly string[] {
    return [pathOf('nsenter'), '--target', String(this.pid), '--net', '--']
  }

  /** Runs a program in it to its end; returns its output. @throws if it fails */
  async run(...words: readonly string[]): Promise<string> {
    const [path = '', ...rest] = [...this.prefix, ...words]
    return (await run(path, rest)).stdout
  }

  /** Forwards a port of its 127.0.0.1 to the same port outside, until disposed. */
  async openDoor(port: number): Promise<AsyncDisposable> {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      this.#holder.send(port, socket)
    })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return server
  }

  /** Leaves it to the processes that still run in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill()
    await this.#ended
  }

  async #ready(): Promise<void> {
    const ended = this.#ended.then(() => {
      throw new Error('The process that holds a network namespace ended')
    })
    await Promise.race([once(this.#holder, 'message'), ended])
  }
}
