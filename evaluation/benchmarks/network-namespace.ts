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
 * A network of its own for the processes that are started in it. It has no name and lasts as long as
 * they do: whatever ends them and their owner, nothing of it stays to be cleaned up.
 */
export class NetworkNamespace implements AsyncDisposable {
  readonly #holder: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(holder: ChildProcess) {
    this.#holder = holder
    this.#ended = once(holder, 'exit')
  }

  /** @throws Error when this user may not make one, AppError DEADLINE_EXCEEDED */
  static async create(): Promise<NetworkNamespace> {
    const holder = spawn(pathOf('unshare'), ['--net', process.execPath, door], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Kept from a Ctrl-C in the terminal: its processes are reached through it until they are stopped.
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

  /** Who stands for it where `ip` asks for a namespace. */
  get pid(): number {
    return Number(this.#holder.pid)
  }

  /** The words that run a program in it. */
  get prefix(): readonly string[] {
    return [pathOf('nsenter'), '--target', String(this.pid), '--net', '--']
  }

  /** Runs a program in it to its end; returns what it wrote. @throws when it fails */
  async run(...words: readonly string[]): Promise<string> {
    const [path = '', ...rest] = [...this.prefix, ...words]
    return (await run(path, rest)).stdout
  }

  /** Makes what listens in it on 127.0.0.1 reachable at the same port outside of it, until disposed. */
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
