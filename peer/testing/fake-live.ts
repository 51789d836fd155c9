import type { AppError } from '../../common/errors.ts'
import type { AwaitedChanges, ChangeTopic } from '../../common/protocol/change-messages.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { CallReply, CallRequest } from '../api/calls.ts'
import type { Download } from '../api/download-shapes.ts'
import type { LiveSources } from '../web/live/live-feed.ts'

type EventRow = CallReply<'events'>['events'][number]
type PeerRow = CallReply<'peers'>['peers'][number]

/** What the stream of events reads, as a test sets it. */
export class FakeLive {
  peers: PeerRow[] = []
  /** How long the peers have been silent. */
  silentMs = (): number => 0
  status: object = { contents: 0 }
  local: unknown = {}
  readonly events: EventRow[] = []
  readonly asked = { peers: 0, status: 0, events: 0, changes: 0 }
  readonly downloads = {
    version: 0,
    rows: [] as Download[],
    changedSince: (): Download[] => this.downloads.rows,
    has: (id: string): boolean => this.downloads.rows.some((row) => row.id === id),
  }
  running: ReturnType<LiveSources['running']> = []
  /** Where queries and samples go while a page is open. */
  listener: Parameters<LiveSources['listen']>[0] | undefined
  #absence: AppError | undefined
  readonly #wakeUp = new WakeUp()
  readonly #changed = new Set<ChangeTopic>()
  #cursor = 0

  get sources(): LiveSources {
    return {
      api: {
        peers: async () => {
          this.asked.peers++
          this.#checkPresence()
          return { peers: this.peers.map((peer) => ({ ...peer, silentMs: this.silentMs() })) }
        },
        status: async () => {
          this.asked.status++
          this.#checkPresence()
          return this.status as CallReply<'status'>
        },
        events: async (request) => this.#events(request),
      },
      index: this.#index(),
      downloads: this.downloads,
      running: () => this.running,
      listen: (listener) => {
        this.listener = listener
        return () => (this.listener = undefined)
      },
      localStatus: () => this.local,
    }
  }

  /** What the index answers to those that wait. */
  change(...topics: readonly ChangeTopic[]): void {
    for (const topic of topics) this.#changed.add(topic)
    this.#wakeUp.notify()
  }

  /** Something happens, and is recorded. */
  happen(name: string): void {
    this.events.push({
      id: `a-${this.events.length + 1}`,
      timeMs: 1,
      kind: 'copied',
      count: 1,
      name,
      text: name,
    })
    this.change('events')
  }

  /** The connection to the index is lost; without an error it returns. */
  setAbsence(error: AppError | undefined): void {
    this.#absence = error
    this.#wakeUp.notify()
  }

  #index(): LiveSources['index'] {
    const absence = (): AppError | undefined => this.#absence
    return {
      get absence() {
        return absence()
      },
      awaitChanges: async (after, signal) => {
        this.asked.changes++
        await this.#wakeUp.until(() => this.#absence === undefined || undefined, signal)
        const topics: AwaitedChanges['topics'] =
          after === undefined
            ? ['files', 'peers', 'status', 'events']
            : await this.#wakeUp.until(() => this.#takeChanged(), signal)
        return { cursor: `${++this.#cursor}`, topics }
      },
    }
  }

  #takeChanged(): ChangeTopic[] | undefined {
    this.#checkPresence()
    if (this.#changed.size === 0) return undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  #checkPresence(): void {
    if (this.#absence !== undefined) throw this.#absence
  }

  #events({ after, limit = 500 }: Partial<CallRequest<'events'>>): CallReply<'events'> {
    this.asked.events++
    this.#checkPresence()
    const newest = `a-${this.events.length}`
    if (after === undefined) return { events: [], next: newest, isMore: false, newest }
    const start = after.startsWith('a-') ? Number(after.slice(2)) : 0
    const events = this.events.slice(start, start + limit)
    const end = start + events.length
    return { events, next: `a-${end}`, isMore: end < this.events.length, newest }
  }
}
