/** The commands about the patterns that a peer follows. */
import { Command, InvalidArgumentError } from 'commander'
import { limits } from '../../common/limits.ts'
import type { Followed } from '../api/follow-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { countText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'

interface FollowOptions {
  readonly newest?: number
}

export function followCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const command = new Command('follow')
    .summary('keep downloaded/ up to date with a pattern')
    .description(
      'Downloads the files that match a pattern with * ? [..] **, or that are in a folder, now and whenever new files and versions appear, in the background and across restarts. A file in downloaded/ that you change or remove is left alone. Without a pattern, lists what is followed.',
    )
    .argument('[pattern]', 'pattern, file or folder')
    .option('--newest <count>', 'only that many files, the most recently modified ones', parseCount)
  return command.action((pattern: string | undefined, options: Options & FollowOptions) => {
    const { newest } = options
    if (pattern === undefined && newest !== undefined)
      return command.error("error: '--newest' needs a pattern")
    return run(options, (session) =>
      pattern === undefined ? list(session) : follow(session, pattern, newest),
    )
  })
}

export function unfollowCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('unfollow')
    .summary('stop following a pattern')
    .description('Stops a `follow` and its unfinished downloads. Complete files stay.')
    .argument('<pattern>', 'pattern, as listed by `follow`')
    .action((pattern: string, options: Options) =>
      run(options, (session) => unfollow(session, pattern)),
    )
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,6}$/.test(text) && count >= 1 && count <= limits.followedNewestMax) return count
  throw new InvalidArgumentError(`Must be a number from 1 to ${limits.followedNewestMax}.`)
}

async function list({ api, terminal, json, signal }: Session): Promise<void> {
  const found = await api.followed(signal)
  await terminal.print(
    json ? printableJson(found, 2) : followedText(found.followed, styleOf(terminal)),
  )
}

async function follow(session: Session, pattern: string, newest?: number): Promise<void> {
  const { api, terminal, json, signal } = session
  const request = { pattern, ...(newest !== undefined && { newest }) }
  const followed = await api.follow(request, signal)
  const what = newest === undefined ? '' : `the newest ${countText(newest, 'file')} of `
  const text = `Following ${what}'${printable(followed.pattern)}'; \`follow\` shows how far it is.`
  await terminal.print(json ? printableJson(followed, 2) : text)
}

async function unfollow(session: Session, pattern: string): Promise<void> {
  const { api, terminal, json, signal } = session
  await api.unfollow({ pattern }, signal)
  const text = `No longer following '${printable(pattern)}'; its files stay.`
  await terminal.print(json ? printableJson({ pattern }, 2) : text)
}

const columns = [
  { title: 'PATTERN' },
  { title: 'NEWEST', align: 'right' },
  { title: 'FILES', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: 'WAITING', align: 'right' },
  { title: 'KEPT', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'REASON' },
] as const

function followedText(followed: readonly Followed[], style: Style): string {
  if (followed.length === 0) return "Nothing is followed. `follow 'photos/**'` follows a pattern."
  return tableText(
    columns,
    followed.map(({ pattern, newest, isListed, files, held, waiting, kept, failed, error }) => [
      printable(pattern),
      newest === undefined ? 'all' : String(newest),
      isListed ? String(files) : `${files}…`,
      String(held),
      String(waiting),
      String(kept),
      failed > 0 ? style('red', String(failed)) : '0',
      error === undefined ? '' : printable(error.message),
    ]),
    (title) => style('bold', title),
  )
}
