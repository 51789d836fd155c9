import { Command } from 'commander'
import { AppError } from '../../common/errors.ts'
import type { CopyCheck, Damaged, Scrub } from '../api/scrub-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText, countText, durationText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'

/** Between two questions for what has been read. */
const pollMs = 5_000

interface ScrubOptions {
  readonly now?: boolean
  readonly pause?: boolean
  readonly resume?: boolean
}

export function scrubCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('scrub')
    .summary('check copies, to find damaged ones')
    .description(
      'Shows the progress of the slow check of all copies of this peer, and which files are damaged. With a name, a folder or a pattern with * ? [..] **, checks these copies now, and fails if one is damaged. Damaged replicas and downloads are replaced automatically; `repair` replaces a damaged file in shared/.',
    )
    .argument('[name]', 'full name of a file, a folder, or a pattern: check these copies now')
    .option('--now', 'check all copies now, as fast as the limit allows')
    .option('--pause', 'pause the check until it is resumed')
    .option('--resume', 'resume the check')
    .action((name: string | undefined, options: Options & ScrubOptions) =>
      run(options, (session) => scrub(session, name, options)),
    )
}

/** @throws AppError BAD_REQUEST, NO_MATCH, COPIES_DAMAGED, and errors of the peer */
async function scrub(
  session: Session,
  name: string | undefined,
  { now, pause, resume }: ScrubOptions,
): Promise<void> {
  const { api, signal } = session
  const chosen = [name, now, pause, resume].filter((each) => each !== undefined)
  if (chosen.length > 1) {
    const reason = 'only one of a name, --now, --pause and --resume can be given'
    throw new AppError('BAD_REQUEST', { path: 'scrub', reason })
  }
  if (name !== undefined) return await check(session, name)
  if (now === true) return await print(session, await api.scrubNow(signal))
  if (pause === undefined && resume === undefined)
    return await print(session, await api.scrub(signal))
  await print(session, await api.changeScrub({ isPaused: pause === true }, signal))
}

async function print({ terminal, json, clock }: Session, found: Scrub): Promise<void> {
  const text = json ? printableJson(found, 2) : scrubText(found, clock.nowMs(), styleOf(terminal))
  await terminal.print(text)
}

async function check({ api, signal, terminal, json }: Session, pattern: string): Promise<void> {
  let found = await api.checkCopies({ pattern }, signal)
  while (found.state === 'running') {
    const { bytes, files } = found
    terminal.showProgress(
      () => `Reading: ${countText(files, 'copy', 'copies')}, ${bytesText(bytes)}`,
    )
    found = await api.copyCheck({ id: found.id, waitMs: pollMs }, signal)
  }
  if (found.files === 0 && found.error === undefined) throw new AppError('NO_MATCH', { pattern })
  await terminal.print(json ? printableJson(found, 2) : checkText(found, styleOf(terminal)))
  const { files, bad, unread } = found
  if (found.state === 'failed' || bad + unread > 0)
    throw new AppError('COPIES_DAMAGED', { pattern, files, bad, unread })
}

const verdictTexts = {
  bad: 'is damaged',
  away: 'cannot be read: its disk is away',
  refused: 'cannot be opened',
} as const

function checkText({ files, bytes, listed, bad, unread }: CopyCheck, style: Style): string {
  const more = bad + unread - listed.length
  return [
    `Read ${countText(files, 'copy', 'copies')} (${bytesText(bytes)}): ${bad} damaged${unread > 0 ? `, ${unread} not readable` : ''}.`,
    ...listed.map(({ name, folder, owner, verdict }) =>
      style(
        'red',
        `  ! ${printable([folder, ...(owner === undefined ? [] : [owner]), name].join('/'))} ${verdictTexts[verdict]}`,
      ),
    ),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ].join('\n')
}

/** @param nowMs wall time */
export function scrubText(found: Scrub, nowMs: number, style: Style): string {
  return [
    stateLine(found, nowMs, style),
    ...passLines(found, nowMs),
    ...lastLines(found, nowMs),
    ...damagedLines(found, style),
  ].join('\n')
}

function stateLine(
  { state, days, nextMs = 0, waitingFor, pass }: Scrub,
  nowMs: number,
  style: Style,
): string {
  switch (state) {
    case 'off':
      return 'Scrubbing: off (the setting peer.scrubDays is 0); `scrub --now` reads all copies once'
    case 'paused':
      return style('yellow', 'Scrubbing: paused; `scrub --resume` resumes it')
    case 'waiting':
      return `Scrubbing: every ${countText(days, 'day')}; the next pass begins in ${ahead(nextMs, nowMs)}`
    case 'running':
      return waitingFor === undefined
        ? `Scrubbing: running${pass?.isHurried === true ? ', as fast as the limit allows' : `, one pass in ${countText(days, 'day')}`}`
        : style('yellow', `Scrubbing: waits for ${printable(waitingFor)}`)
  }
}

function passLines({ pass }: Scrub, nowMs: number): string[] {
  if (pass === undefined) return []
  const { bytes, files, totalBytes, totalFiles, startedMs, expectedEndMs, bad } = pass
  const end = expectedEndMs === undefined ? '' : `, ends in about ${ahead(expectedEndMs, nowMs)}`
  return [
    `Pass:      ${bytesText(bytes)} of ${bytesText(totalBytes)}, ${files} of ${countText(totalFiles, 'copy', 'copies')}; ${bad} damaged; began ${ago(startedMs, nowMs)} ago${end}`,
  ]
}

function lastLines({ last }: Scrub, nowMs: number): string[] {
  if (last === undefined) return []
  const { endedMs, startedMs, files, bytes, bad } = last
  return [
    `Last pass: ended ${ago(endedMs, nowMs)} ago after ${ago(startedMs, endedMs)}; ${countText(files, 'copy', 'copies')}, ${bytesText(bytes)}, ${bad} damaged`,
  ]
}

function damagedLines({ damaged, damagedFiles }: Scrub, style: Style): string[] {
  const more = damagedFiles - damaged.length
  return [
    ...damaged.map((one) => damagedLine(one, style)),
    ...(more > 0 ? [`… and ${more} more`] : []),
  ]
}

function damagedLine({ folder, name, reason, badChunks, chunks }: Damaged, style: Style): string {
  const next = folder === 'shared' ? 'run `repair` for it' : 'a good copy is being fetched'
  return style(
    'red',
    `Damaged:   ${printable(`${folder}/${name}`)} ${printable(reason)} (${badChunks} of ${countText(chunks, 'chunk')}): ${next}`,
  )
}

function ago(thenMs: number, nowMs: number): string {
  return durationText(Math.max(0, nowMs - thenMs) / 1_000)
}

function ahead(thenMs: number, nowMs: number): string {
  return ago(nowMs, thenMs)
}
