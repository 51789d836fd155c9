import { Command, InvalidArgumentError, Option } from 'commander'
import { durationMsOf, durationRule } from '../../common/duration.ts'
import { hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { eventKindNames, eventKinds, securityKinds } from '../../common/protocol/event-kinds.ts'
import type { CallRequest } from '../api/calls.ts'
import type { EventPage } from '../api/cluster-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { localText } from './human-units.ts'
import { parseRows } from './listed-rows.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'

/** Events shown without --since. */
const eventsShown = 50
/** Interval of asking for new events. */
const followMs = 1_000

interface EventOptions {
  readonly since?: Since
  readonly kind?: readonly string[]
  readonly security?: boolean
  readonly about?: string
  readonly name?: string
  readonly limit?: number
  readonly follow?: boolean
}

/** A duration before now, or a time. */
type Since = { readonly agoMs: number } | { readonly timeMs: number }
type Filter = Omit<CallRequest<'events'>, 'limit' | 'after' | 'before'>
type ShownEvent = EventPage['events'][number]

export function eventsCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('events')
    .summary('show what happened to copies and peers')
    .description(
      'Shows what happened to copies and peers, newest last: what was copied or removed, which sources were blamed, which peers joined and left; when, why, and from which source. Many similar events in quick succession are combined into one line.',
    )
    .option('--since <when>', 'only events since then: 90s, 30m, 2h, 7d ago, or a date', parseSince)
    .addOption(new Option('--kind <kind...>', 'only events of these kinds').choices(eventKindNames))
    .addOption(
      new Option(
        '--security',
        'only events about members that joined, left, were refused or revoked, and decisions of users',
      ).conflicts('kind'),
    )
    .option('--about <peer>', 'only events of this peer, in either role')
    .option('--name <name>', 'only events of this file, or of files in this folder')
    .option(
      '--limit <rows>',
      `maximum number of events (default: ${eventsShown}; unlimited with --since)`,
      parseRows,
    )
    .option('-f, --follow', 'keep running and show events as they happen')
    .action((options: Options & EventOptions) =>
      run(options, (session) => showEvents(session, options)),
    )
}

async function showEvents(session: Session, options: EventOptions): Promise<void> {
  const { since, follow: isFollowing = false } = options
  const limit = options.limit ?? (since === undefined ? eventsShown : Infinity)
  const filter = filterOf(options, session.clock.nowMs())
  const { events, newest } = await newestEvents(session, filter, limit)
  const { terminal, json } = session
  if (isFollowing) {
    await printEach(session, events)
    await follow(session, filter, newest)
  } else if (json) await terminal.print(printableJson(events, 2))
  else if (events.length === 0) await terminal.print('No events.')
  else await printEach(session, events)
}

/** The newest events, oldest first, and the cursor after which later ones follow. */
async function newestEvents(
  { api, signal }: Session,
  filter: Filter,
  limit: number,
): Promise<{ events: ShownEvent[]; newest: string }> {
  const events: ShownEvent[] = []
  let newest: string | undefined
  for (let before: string | undefined; events.length < limit; ) {
    const rows = Math.min(limits.pageRowsMax, limit - events.length)
    const request = { ...filter, limit: rows, ...(before !== undefined && { before }) }
    const page = await api.events(request, signal)
    events.push(...page.events)
    newest ??= page.newest
    before = page.next
    if (!page.isMore) break
  }
  return { events: events.toReversed(), newest: newest ?? '' }
}

/** Prints later events until the session is aborted; an index that is away is awaited. */
async function follow(session: Session, filter: Filter, newest: string): Promise<void> {
  const { api, clock, signal, terminal } = session
  let after = newest
  let isAway = false
  for (;;) {
    try {
      const page = await api.events({ ...filter, limit: limits.pageRowsMax, after }, signal)
      isAway = false
      await printEach(session, page.events)
      after = page.next
      if (page.isMore) continue
    } catch (error) {
      if (!hasCode(error, 'INDEX_UNREACHABLE')) throw error
      if (!isAway) terminal.remark(`${error.message} Waiting for it.`)
      isAway = true
    }
    await clock.sleep(followMs, signal)
  }
}

async function printEach(
  { terminal, json }: Session,
  events: readonly ShownEvent[],
): Promise<void> {
  if (events.length === 0) return
  const style = styleOf(terminal)
  const lines = events.map((event) => (json ? printableJson(event) : eventLine(event, style)))
  await terminal.print(lines.join('\n'))
}

const colours = { plain: undefined, good: 'green', bad: 'yellow' } as const

function eventLine({ timeMs, kind, text }: ShownEvent, style: Style): string {
  const colour = colours[eventKinds[kind].tone]
  const sentence = printable(text)
  return `${style('dim', localText(timeMs))}  ${colour === undefined ? sentence : style(colour, sentence)}`
}

function filterOf({ since, kind, security, about, name }: EventOptions, nowMs: number): Filter {
  return {
    ...(security === true && { kinds: securityKinds.join(',') }),
    ...(since !== undefined && { sinceMs: sinceMsOf(since, nowMs) }),
    ...(kind !== undefined && { kinds: kind.join(',') }),
    ...(about !== undefined && { peerId: about }),
    ...(name !== undefined && { name: name.replace(/\/$/, '') }),
  }
}

function sinceMsOf(since: Since, nowMs: number): number {
  return Math.max(0, Math.round('agoMs' in since ? nowMs - since.agoMs : since.timeMs))
}

function parseSince(text: string): Since {
  const agoMs = durationMsOf(text)
  if (agoMs !== undefined) return { agoMs }
  const timeMs = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs))
    throw new InvalidArgumentError(`It ${durationRule}, or a date such as 2026-01-31T09:00.`)
  return { timeMs }
}
