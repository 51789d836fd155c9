import type { EventKind } from '../../common/protocol/event-kinds.ts'
import type { Event } from '../../common/protocol/messages.ts'

/** An event as it is recorded: single, or several similar ones together. */
export type RecordedEvent = Omit<Event, 'id'>

type Details = Pick<
  Event,
  'peerId' | 'otherPeerId' | 'name' | 'sha256' | 'bytes' | 'durationMs' | 'reason'
>

/**
 * One thing that happened now. See `eventKinds` for what the fields of a kind mean; `reason` is a
 * phrase without a full stop.
 */
export type NewEvent = { readonly kind: EventKind } & {
  readonly [Field in keyof Details]?: Details[Field] | undefined
}

/** Receives events from every part of the index. Never throws, never blocks. */
export interface EventRecorder {
  record(event: NewEvent): void
}
