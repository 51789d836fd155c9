import { limits } from '../../../common/limits.ts'
import type { PeerApi } from '../../api/calls.ts'
import type { EventPage } from '../../api/cluster-shapes.ts'
import type { Audience } from './audience.ts'
import { frameOf } from './frames.ts'
import type { LiveClient } from './live-client.ts'

type EventRow = EventPage['events'][number]

/** Pages sent to a client that was away: 1,000 events. One that missed more reads the list again. */
const missedPagesMax = 2

/** Reads recorded events after a cursor: for all clients, and for those that were away. */
export class MissedEvents {
  readonly #api: Pick<PeerApi, 'events'>
  readonly #audience: Audience
  /** All clients have been sent the events up to this one. */
  #cursor: string | undefined

  constructor(api: Pick<PeerApi, 'events'>, audience: Audience) {
    this.#api = api
    this.#audience = audience
  }

  /** Sends what has happened since the last call. Calls must not overlap. */
  async publish(signal: AbortSignal): Promise<void> {
    if (this.#cursor === undefined)
      this.#cursor = (await this.#api.events({ limit: 1 }, signal)).newest
    for (const client of this.#audience.resuming()) await this.#resume(client, signal)
    for (let isMore = true; isMore; ) {
      const page: EventPage = await this.#api.events(
        { after: this.#cursor, limit: limits.pageRowsMax },
        signal,
      )
      for (const event of page.events) this.#audience.publishEvent(event.id, eventFrame(event))
      this.#cursor = page.next
      isMore = page.isMore
    }
    this.#audience.onCaughtUp()
  }

  async #resume(client: LiveClient, signal: AbortSignal): Promise<void> {
    const events: EventRow[] = []
    let after = client.resumesAfter
    for (let pages = 0; after !== undefined && pages < missedPagesMax; pages++) {
      const page: EventPage = await this.#api.events({ after, limit: limits.pageRowsMax }, signal)
      events.push(...page.events)
      after = page.isMore ? page.next : undefined
    }
    const isTooMuch = after !== undefined
    if (isTooMuch) client.send(frameOf('missed', '{}'))
    else for (const event of events) client.send(eventFrame(event))
    client.onResumed(isTooMuch ? [] : events.map(({ id }) => id))
  }
}

function eventFrame(event: EventRow): Buffer {
  return frameOf('happened', JSON.stringify(event), event.id)
}
