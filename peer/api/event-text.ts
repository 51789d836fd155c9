/** Events as sentences for people: pure. */
import { AppError } from '../../common/errors.ts'
import { type EventKind, eventKindNames, eventKinds } from '../../common/protocol/event-kinds.ts'
import type { Event } from '../../common/protocol/messages.ts'
import { bytesText, countText, durationText } from '../cli/human-units.ts'

type Value = 'peer' | 'other' | 'files' | 'duration'

/** One line, such as `peer3 copied 538 files in photos/ from peer1 (1.41 GB in 42 s)`. */
export function eventText(event: Event): string {
  const { kind, bytes, durationMs, reason, count } = event
  const { sentence } = eventKinds[kind]
  const values = valuesOf(event)
  const text = sentence
    .replaceAll(/\[([^\]]*)\]/g, (_, part: string) => (isComplete(part, values) ? part : ''))
    .replaceAll(slot, (_, value: Value) => values[value] ?? '?')
  const isShown = (value: Value): boolean => sentence.includes(`{${value}}`)
  const facts = [
    ...(isShown('files') || count === 1 ? [] : [countText(count, 'time')]),
    ...(bytes === undefined ? [] : [bytesText(bytes)]),
  ]
  // A single event that says how long it took, or several.
  if (durationMs !== undefined && (count > 1 || !isShown('duration')))
    facts.push(`in ${shortDuration(durationMs)}`)
  const addition = facts.length === 0 ? '' : ` (${facts.join(' ')})`
  return `${text}${addition}${reason === undefined ? '' : `: ${reason}`}`
}

const slot = /\{(peer|other|files|duration)\}/g

function isComplete(part: string, values: Readonly<Partial<Record<Value, string>>>): boolean {
  return Array.from(part.matchAll(slot)).every(([, value]) => values[value as Value] !== undefined)
}

function valuesOf(event: Event): Partial<Record<Value, string>> {
  const { peerId, otherPeerId, durationMs, count } = event
  return {
    files: filesText(event),
    ...(peerId !== undefined && { peer: peerId }),
    ...(otherPeerId !== undefined && { other: otherPeerId }),
    // For several, it is the time from the first to the last.
    ...(durationMs !== undefined && count === 1 && { duration: shortDuration(durationMs) }),
  }
}

function filesText({ name, folder, count }: Event): string {
  if (name !== undefined) return `'${name}'`
  return `${countText(count, 'file')}${folder === undefined ? '' : ` in ${folder}/`}`
}

function shortDuration(ms: number): string {
  if (ms < 50) return 'less than 0.1 s'
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms / 1_000)
}

/**
 * Kinds separated by commas.
 * @throws AppError BAD_REQUEST
 */
export function eventKindsOf(text: string): EventKind[] {
  return text.split(',').map((word) => {
    const kind = eventKindNames.find((known) => known === word.trim())
    if (kind !== undefined) return kind
    const reason = `has '${word}', which is none of ${eventKindNames.join(', ')}`
    throw new AppError('BAD_REQUEST', { path: 'kinds', reason })
  })
}
