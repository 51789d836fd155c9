import { createHash } from 'node:crypto'
import pino from 'pino'
import type { Log } from '../../../common/log.ts'

export interface SimulatedEvent {
  readonly atMs: number
  /** A process, a machine, or `script`. */
  readonly who: string
  readonly what: string
}

/** What has happened in a cluster. Equal runs have equal logs. */
export class EventLog {
  readonly events: SimulatedEvent[] = []
  /** Errors that processes logged. */
  readonly errors: SimulatedEvent[] = []
  readonly #now: () => number
  readonly #hash = createHash('sha256')

  constructor(now: () => number) {
    this.#now = now
  }

  /** Of all events up to now. */
  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  add(who: string, what: string): void {
    const event = { atMs: Math.round(this.#now()), who, what }
    this.events.push(event)
    this.#hash.update(lineOf(event))
  }

  /** The log of a process, whose lines are events while `isAlive` is true. */
  logOf(who: string, isAlive: () => boolean): Log {
    const write = (line: string): void => {
      if (!isAlive()) return
      this.add(who, line.trimEnd())
      const error = this.events.at(-1)
      if (error !== undefined && line.startsWith('{"level":"error"')) this.errors.push(error)
    }
    return pino(
      {
        level: 'info',
        base: null,
        timestamp: false,
        formatters: { level: (level) => ({ level }) },
        // A stack names the files of this machine.
        serializers: { error: (error: unknown) => String(error) },
      },
      { write },
    )
  }
}

/** `01:02:03.004 who what` */
export function lineOf({ atMs, who, what }: SimulatedEvent): string {
  return `${new Date(atMs).toISOString().slice(11, 23)} ${who} ${what}\n`
}
