/** Serf agents, which tell each other who lives and what happened (memberlist: SWIM with gossip). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { commandOn, type ProcessHost } from '../system/process-host.ts'
import { pathOf } from './anchor-programs.ts'
import { runToEnd } from './outside-process.ts'

const port = 7_946
const deadlineMs = 120_000

/** Agents with the settings for a local network, one per host. */
export class Serf implements AsyncDisposable {
  readonly #agents: SerfAgent[] = []
  readonly #hosts: readonly ProcessHost[]
  #events = 0

  private constructor(hosts: readonly ProcessHost[]) {
    this.#hosts = hosts
  }

  /** Starts them one after the other; resolves when all know all. @throws AppError DEADLINE_EXCEEDED */
  static async start(hosts: readonly ProcessHost[]): Promise<Serf> {
    await using starting = new AsyncDisposableStack()
    const serf = starting.use(new Serf(hosts))
    for (const host of hosts) await serf.#startAgent(host)
    starting.move()
    return serf
  }

  /** Tells an event on one host; @returns the seconds until all other hosts have reported it. */
  async secondsOfEvent(hostIndex: number, signal: AbortSignal): Promise<number> {
    const name = `event-${++this.#events}`
    const line = `user-event: ${name}`
    const others = this.#agents.filter((_, index) => index !== hostIndex)
    const startedMs = systemClock.monotonicMs()
    await runToEnd(pathOf('serf'), ['event', '-coalesce=false', name], this.#hosts[hostIndex])
    const heardMs = await heardByAll(others, line, signal)
    return (heardMs - startedMs) / 1_000
  }

  /**
   * Kills the agent of a host and starts another there when all others have reported its failure;
   * @returns the seconds that took.
   */
  async secondsUntilFailed(hostIndex: number, signal: AbortSignal): Promise<number> {
    const agent = this.#agents[hostIndex]
    const host = this.#hosts[hostIndex]
    if (agent === undefined || host === undefined) throw new RangeError(`no host ${hostIndex}`)
    const others = this.#agents.filter((one) => one !== agent)
    for (const other of others) other.forget()
    const startedMs = systemClock.monotonicMs()
    await agent.kill()
    const heardMs = await heardByAll(others, `EventMemberFailed: ${host.address}`, signal)
    this.#agents.splice(hostIndex, 1)
    await this.#startAgent(host, hostIndex)
    return (heardMs - startedMs) / 1_000
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()))
  }

  async #startAgent(host: ProcessHost, index = this.#agents.length): Promise<void> {
    const others = [...this.#agents]
    for (const other of others) other.forget()
    const agent = new SerfAgent(host, others[0] && this.#hosts.find((one) => one !== host))
    this.#agents.splice(index, 0, agent)
    await heardByAll([agent, ...others], `EventMemberJoin: ${host.address}`)
  }
}

class SerfAgent {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  /** Its log since it was last forgotten, by the time at which each line was read. */
  readonly #lines: { readonly atMs: number; readonly line: string }[] = []
  #wake: () => void = () => {}

  constructor(host: ProcessHost, joined: ProcessHost | undefined) {
    const bind = `-bind=${host.address}:${port}`
    const join = joined === undefined ? [] : [`-join=${joined.address}:${port}`]
    const words = ['agent', `-node=${host.address}`, bind, ...join]
    this.#child = spawn(...commandOn(host, pathOf('serf'), words), {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#ended = once(this.#child, 'close')
    const { stdout } = this.#child
    if (stdout === null) return
    createInterface({ input: stdout }).on('line', (line) => {
      this.#lines.push({ atMs: systemClock.monotonicMs(), line })
      this.#wake()
    })
  }

  /** Forgets the lines so far. */
  forget(): void {
    this.#lines.length = 0
  }

  /** When a line with this text was read; waits for it. @throws the signal's reason */
  async heardMs(text: string, signal: AbortSignal): Promise<number> {
    for (;;) {
      const found = this.#lines.find(({ line }) => line.includes(text))
      if (found !== undefined) return found.atMs
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      this.#wake = () => resolve(undefined)
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      await promise
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

/** When the last of them read it. @throws AppError DEADLINE_EXCEEDED, the signal's reason */
async function heardByAll(
  agents: readonly SerfAgent[],
  text: string,
  outer?: AbortSignal,
): Promise<number> {
  const deadline = { what: `Serf: ${text}`, deadlineMs, signal: outer }
  const all = await withDeadline(deadline, systemClock, (signal) =>
    Promise.all(agents.map((agent) => agent.heardMs(text, signal))),
  )
  return Math.max(...all)
}
