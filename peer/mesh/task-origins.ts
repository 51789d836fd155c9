import type { BackgroundWork } from '../../common/background.ts'
import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type {
  ReplicaVersion,
  ReplyOf,
  RequestOf,
  Task,
  TaskOutcome,
  TaskProgress,
} from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'

type Reporting = 'report' | 'progress' | 'confirm-drops'

/** An index at which this peer is registered, as replication sees it. */
export interface IndexLink {
  /** Resolves when it has been sent every change of the catalog up to now. */
  announced(signal: AbortSignal): Promise<void>
  report(outcomes: TaskOutcome[], signal: AbortSignal): Promise<unknown>
  progress(tasks: TaskProgress[], signal: AbortSignal): Promise<unknown>
  confirmDrops(copies: ReplicaVersion[], signal: AbortSignal): Promise<readonly boolean[]>
}

/** How other members are asked. */
export interface MemberLink {
  /** The last change of this peer's catalog. */
  lastSeq(): number
  ask<T extends Reporting>(
    peerId: string,
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>>
}

export interface TaskOriginsDependencies {
  /** Sends again what could not be sent. */
  readonly background: Pick<BackgroundWork, 'start'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * A report that does not reach a member is sent again: its index cannot tell a lost report from a copy
 * that takes long, because no connection has ended. Half a minute of trouble is bridged.
 */
const resend = { firstMs: 500, maxMs: 8_000 }
const resendsMax = 7
const resendDeadlineMs = deadlines.requestMs

/** The origin of tasks of this peer's own index; no peer has this id. */
export const ownIndex = ''

/** Tasks of others that are remembered; each is forgotten when it is reported. */
const tasksMax = 10_000

/**
 * Remembers which member's index gave a task, and reports there. Outcomes and questions for several
 * indexes are sent side by side, so that none waits for another.
 */
export class TaskOrigins {
  readonly #own: IndexLink
  readonly #members: MemberLink
  readonly #index: IndexLink | undefined
  readonly #dependencies: TaskOriginsDependencies
  /** By task id, and by the key of a copy to drop. */
  readonly #origins = new Map<string, string>()

  /** @param index of the cluster, if there is one: all tasks that are not noted are its own */
  constructor(
    { own, members, index }: { own: IndexLink; members: MemberLink; index?: IndexLink },
    dependencies: TaskOriginsDependencies,
  ) {
    this.#own = own
    this.#members = members
    this.#index = index
    this.#dependencies = dependencies
  }

  /** The index of a member gives these tasks, or, beside one of the cluster, the {@link ownIndex}. */
  note(from: string, tasks: readonly Task[]): void {
    for (const task of tasks) {
      this.#origins.set(task.taskId, from)
      if (task.kind === 'drop') this.#origins.set(keyOf(task), from)
    }
    for (const oldest of this.#origins.keys()) {
      if (this.#origins.size <= tasksMax) return
      this.#origins.delete(oldest)
    }
  }

  /** Whether the index of this member gave a task that is not reported yet. */
  isFrom(peerId: string, taskId: string): boolean {
    return this.#origins.get(taskId) === peerId
  }

  async announced(signal: AbortSignal): Promise<void> {
    await this.#own.announced(signal)
  }

  async report(outcomes: TaskOutcome[], signal: AbortSignal): Promise<void> {
    const groups = groupBy(outcomes, ({ taskId }) => this.#origins.get(taskId))
    for (const { taskId } of outcomes) this.#origins.delete(taskId)
    await all(groups, async (to, part) => {
      const index = this.#indexAt(to)
      if (index === undefined) return await this.#reportTo(to ?? '', part, signal)
      if (index !== this.#own) await index.announced(signal)
      await index.report(part, signal)
    })
  }

  async #reportTo(peerId: string, outcomes: TaskOutcome[], signal: AbortSignal): Promise<void> {
    const { background, log } = this.#dependencies
    const send = async (inTime: AbortSignal): Promise<unknown> =>
      await this.#members.ask(
        peerId,
        'report',
        { outcomes, lastSeq: this.#members.lastSeq() },
        inTime,
      )
    try {
      await send(signal)
    } catch (error) {
      log.debug({ peerId, reason: reasonOf(error) }, 'outcomes are reported again')
      background.start('report to a member again', (stop) => this.#resend(peerId, send, stop))
    }
  }

  async #resend(
    peerId: string,
    send: (inTime: AbortSignal) => Promise<unknown>,
    stop: AbortSignal,
  ): Promise<void> {
    const { clock, random, log } = this.#dependencies
    for (let failures = 1; failures <= resendsMax; failures += 1) {
      await clock.sleep(backoffMs(failures, resend, random), stop)
      const deadline = { what: 'Reporting tasks', deadlineMs: resendDeadlineMs, signal: stop }
      try {
        await withDeadline(deadline, clock, send)
        return
      } catch (error) {
        stop.throwIfAborted()
        // A member that is forgotten waits for nothing.
        if (hasCode(error, 'PEER_UNKNOWN')) return
        if (failures === resendsMax)
          log.warn({ peerId, reason: reasonOf(error) }, 'outcomes of tasks were not reported')
      }
    }
  }

  async progress(tasks: TaskProgress[], signal: AbortSignal): Promise<void> {
    const groups = groupBy(tasks, ({ taskId }) => this.#origins.get(taskId))
    await all(groups, (to, part) => {
      const index = this.#indexAt(to)
      return index === undefined
        ? this.#members.ask(to ?? '', 'progress', { tasks: part }, signal)
        : index.progress(part, signal)
    })
  }

  /** A copy may be dropped if the index that wants that still says so; none that does not answer does. */
  async confirmDrops(copies: ReplicaVersion[], signal: AbortSignal): Promise<readonly boolean[]> {
    const confirmed = new Map<ReplicaVersion, boolean>()
    const groups = groupBy(copies, (copy) => this.#origins.get(keyOf(copy)))
    await all(groups, async (to, part) => {
      const index = this.#indexAt(to)
      const answers =
        index === undefined
          ? (await this.#members.ask(to ?? '', 'confirm-drops', { copies: part }, signal)).confirmed
          : await index.confirmDrops(part, signal)
      for (const [place, copy] of part.entries()) confirmed.set(copy, answers[place] === true)
    })
    for (const copy of copies) this.#origins.delete(keyOf(copy))
    return copies.map((copy) => confirmed.get(copy) === true)
  }

  /** Undefined if a member gave the task. */
  #indexAt(origin: string | undefined): IndexLink | undefined {
    if (origin === ownIndex) return this.#own
    return origin === undefined ? (this.#index ?? this.#own) : undefined
  }
}

function keyOf({ owner, name, sha256 }: ReplicaVersion): string {
  return `${owner}/${sha256}/${name}`
}

function groupBy<T>(
  items: readonly T[],
  originOf: (item: T) => string | undefined,
): Map<string | undefined, T[]> {
  return Map.groupBy(items, originOf)
}

/** @throws the first failure, after all have ended, if all failed */
async function all<T>(
  groups: ReadonlyMap<string | undefined, T[]>,
  send: (to: string | undefined, part: T[]) => Promise<unknown>,
): Promise<void> {
  const sent = await Promise.allSettled([...groups].map(([to, part]) => send(to, part)))
  const failed = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (failed.length > 0 && failed.length === sent.length) throw failed[0]
}
