/** The commands for a peer that leaves for good or for a while. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { durationMsOf, durationRule } from '../../common/duration.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Safety } from '../api/cluster-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText, countText, durationText } from './human-units.ts'
import { unplaceableText } from './peer-notes.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'

/** Between two looks at a drain. */
const drainPollMs = 1_000
/** Without a terminal, a line is printed at this interval. */
const drainRemarkMs = 60_000
/** Of files, in a sentence. */
const namesShown = 3

const peerArgument = ['<peer>', 'id of a peer, as listed by `peers`'] as const

export function drainCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('drain')
    .summary('prepare a peer to leave: copy its files to other peers')
    .description(
      'Prepares a peer to leave permanently: its copies no longer count, so other peers make new ones, and it receives no new ones. It remains a source until it stops. `status` and `peers` show the progress; `undrain` reverts it.',
    )
    .argument(...peerArgument)
    .option('--wait', 'return only when it is safe to stop the peer')
    .action((peerId: string, options: Options & { readonly wait?: boolean }) =>
      run(options, (session) => drain(session, peerId, options.wait === true)),
    )
}

async function drain(session: Session, peerId: string, isWaiting: boolean): Promise<void> {
  const { api, signal, terminal, json } = session
  let safety = await api.drainPeer({ peerId }, signal)
  if (isWaiting) safety = await drained(session, safety)
  await terminal.print(json ? printableJson(safety, 2) : drainText(safety))
}

/** Shows the progress until all files have their copies elsewhere. */
async function drained(session: Session, started: Safety): Promise<Safety> {
  const { api, signal, terminal, clock } = session
  const startMs = clock.monotonicMs()
  let remarkedMs = startMs
  let safety = started
  while (safety.lacking.files > 0) {
    const nowMs = clock.monotonicMs()
    const line = progressText(safety, leftMs(started, safety, nowMs - startMs))
    terminal.showProgress((columns) => line.slice(0, columns))
    if (!terminal.isForPeople && nowMs - remarkedMs >= drainRemarkMs) {
      remarkedMs = nowMs
      terminal.remark(line)
    }
    await clock.sleep(drainPollMs, signal)
    safety = await api.peerSafety({ peerId: safety.peerId }, signal)
  }
  return safety
}

/** When the last copy is made, from now; undefined if unknown. */
function leftMs(started: Safety, now: Safety, elapsedMs: number): number | undefined {
  const copied = started.lacking.bytes - now.lacking.bytes
  return copied > 0 ? (now.lacking.bytes / copied) * elapsedMs : undefined
}

function progressText(safety: Safety, left: number | undefined): string {
  const { peerId, unplaceable } = safety
  const time =
    left === undefined || unplaceable !== undefined
      ? ''
      : `, about ${durationText(left / 1_000)} left`
  return `${printable(peerId)}: ${lackingText(safety)}${time}`
}

/** `3 of 40 files (1.20 MB) still lack copies on other live peers`. */
function lackingText({ held, lacking, unplaceable }: Omit<Safety, 'peerId'>): string {
  const lackingFiles = `${lacking.files} of ${countText(held.files, 'file')} (${bytesText(lacking.bytes)})`
  return `${lackingFiles} still lack copies on other live peers${unplaceableText(unplaceable)}`
}

function drainText(safety: Safety): string {
  const { peerId, lacking } = safety
  const peer = printable(peerId)
  if (lacking.files === 0)
    return `${peer} is drained: all of its files have their copies elsewhere. It is safe to stop it.`
  return `${peer} is being drained: ${lackingText(safety)}. Do not stop it yet: \`drain ${peer} --wait\` waits, \`undrain ${peer}\` reverts.`
}

export function undrainCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('undrain')
    .summary('let the copies of a drained peer count again')
    .description(
      'Reverts `drain`: the copies of the peer count again, and it receives new ones. Surplus replicas are removed after a while.',
    )
    .argument(...peerArgument)
    .action((peerId: string, options: Options) =>
      run(options, async ({ api, signal, terminal, json }) => {
        const undrained = await api.undrainPeer({ peerId }, signal)
        const peer = printable(peerId)
        const text = undrained.wasDrained
          ? `The copies of ${peer} count again.`
          : `${peer} was not drained.`
        await terminal.print(json ? printableJson(undrained, 2) : text)
      }),
    )
}

interface MaintenanceOptions {
  readonly for: number
  readonly end?: boolean
}

export function maintenanceCommand<Options extends CommonOptions>(
  run: RunCommand<Options>,
): Command {
  const command = new Command('maintenance')
    .summary('announce that a peer will be away for a while')
    .description(
      'Lets a peer be silent or stopped without counting as dead: its copies are not made elsewhere until the time is over, at most a day. `peers` and `status` show it.',
    )
    .argument(...peerArgument)
    .addOption(
      new Option('--for <duration>', 'for how long from now, such as 30m or 2h')
        .argParser(maintenanceMs)
        .default(1_800_000, '30m'),
    )
    .option('--end', 'end it now')
  return command.action((peerId: string, options: Options & MaintenanceOptions) =>
    run(options, (session) =>
      options.end === true ? endMaintenance(session, peerId) : maintain(session, peerId, options),
    ),
  )
}

function maintenanceMs(text: string): number {
  const ms = durationMsOf(text)
  if (ms === undefined || ms < 1) throw new InvalidArgumentError(`It ${durationRule}.`)
  if (ms > limits.maintenanceMsMax)
    throw new InvalidArgumentError(
      `It may be ${durationText(limits.maintenanceMsMax / 1_000)} at most: \`drain\` a peer that is away for longer.`,
    )
  return ms
}

async function maintain(
  { api, signal, terminal, json }: Session,
  peerId: string,
  { for: forMs }: MaintenanceOptions,
): Promise<void> {
  const safety = await api.maintainPeer({ peerId, forMs }, signal)
  const peer = printable(peerId)
  const lines = [
    `${peer} may be away for ${durationText(forMs / 1_000)}: its copies are not made elsewhere meanwhile. \`maintenance ${peer} --end\` ends it.`,
  ]
  const { alone } = safety
  if (alone.files > 0)
    lines.push(
      `Without it, ${countText(alone.files, 'file')} (${bytesText(alone.bytes)}) cannot be read: no other live peer has ${namesText(alone)}.`,
    )
  await terminal.print(json ? printableJson(safety, 2) : lines.join('\n'))
}

async function endMaintenance(
  { api, signal, terminal, json }: Session,
  peerId: string,
): Promise<void> {
  const ended = await api.endMaintenance({ peerId }, signal)
  const text = `${printable(peerId)} ${ended.wasInMaintenance ? 'is no longer' : 'was not'} in maintenance.`
  await terminal.print(json ? printableJson(ended, 2) : text)
}

export function safeToStopCommand<Options extends CommonOptions>(
  run: RunCommand<Options>,
): Command {
  return new Command('safe-to-stop')
    .summary('check whether it is safe to stop a peer')
    .description(
      'Succeeds (exit code 0) if every file that the peer holds has a live copy on another peer; fails (1) otherwise, and lists how many files do not, and the first of them.',
    )
    .argument(...peerArgument)
    .option('--for-good', 'check whether all files would have all their copies without the peer')
    .action((peerId: string, options: Options & { readonly forGood?: boolean }) =>
      run(options, (session) => checkSafety(session, peerId, options.forGood === true)),
    )
}

/** @throws AppError NOT_SAFE_TO_STOP, PEER_UNKNOWN */
async function checkSafety(session: Session, peerId: string, isForGood: boolean): Promise<void> {
  const { api, signal, terminal, json } = session
  const safety = await api.peerSafety({ peerId }, signal)
  const unsafe = isForGood ? safety.lacking : safety.alone
  const isSafe = unsafe.files === 0
  if (json) await terminal.print(printableJson({ safe: isSafe, ...safety }, 2))
  if (!isSafe)
    throw new AppError('NOT_SAFE_TO_STOP', {
      peerId,
      duration: isForGood ? ' for good' : '',
      files: unsafe.files,
      of: safety.held.files,
      bytes: bytesText(unsafe.bytes),
      copies: isForGood ? 'too few copies on other peers' : 'no other live copy',
      names: namesText(unsafe),
    })
  const kept = isForGood ? 'all their copies' : 'a live copy'
  const text = `It is safe to stop ${printable(peerId)}${isForGood ? ' for good' : ''}: all of its ${countText(safety.held.files, 'file')} have ${kept} on other peers.`
  if (!json) await terminal.print(text)
}

/** `'a', 'b' and 7 more`. */
function namesText({ files, names }: Safety['alone']): string {
  const shown = names.slice(0, namesShown)
  const more = files - shown.length
  const listed = shown.map((name) => `'${printable(name)}'`).join(', ')
  return more > 0 ? `${listed} and ${more} more` : listed
}
