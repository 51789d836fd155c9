/**
 * The commands over a running peer, as the command line and the prompt both have them. What they do
 * stands in questions.ts and in a file for each larger one; here is how they are typed.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { isSha256 } from '../../common/ids.ts'
import { limitWords } from '../api/limit-table.ts'
import { type ListKind, listKinds } from '../api/words.ts'
import { confirmDeletes, deletes } from './deletes-command.ts'
import { type DownloadOptions, download } from './download-command.ts'
import { cancel, downloads, pause, resume } from './downloads-commands.ts'
import { type LimitAction, limitActions, limits, parseLimitsChange } from './limits-command.ts'
import { type PushOptions, push } from './push-command.ts'
import {
  list,
  lookup,
  peers,
  problems,
  rowsShown,
  search,
  stats,
  status,
  versions,
  why,
} from './questions.ts'
import type { Session } from './session.ts'
import { type UnshareOptions, unshare } from './unshare-command.ts'

export interface CommonOptions {
  readonly json?: boolean
}

/** Runs `work` with a session; how it is made depends on where the command was typed. */
export type RunCommand<Options extends CommonOptions> = (
  options: Options,
  work: (session: Session) => Promise<void>,
) => Promise<void>

/** What people call the kinds; `local` is what stands in shared/. */
export const listWords = ['local', 'downloaded', 'replicated', 'remote', 'both'] as const

/** The commands, each of which calls `run` when it was typed. */
export function peerCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  const commands = [
    ...findingCommands(run),
    ...movingCommands(run),
    limitsCommand(run),
    deletesCommand(run),
    ...clusterCommands(run),
  ]
  for (const command of commands) command.option('--json', 'answer with JSON, for programs')
  return commands
}

type WithLimit = { readonly limit?: number }

function findingCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  return [
    new Command('lookup')
      .summary('say who has a file')
      .description('Says which peers have the file of this name, and in which versions.')
      .argument('<name>', 'the whole name of a file')
      .action((name: string, options: Options) => run(options, (s) => lookup(s, name))),
    new Command('search')
      .summary('find names by a part of them')
      .description('Finds names by a part of them, in any case, or by a pattern with * ? [..] **.')
      .argument('[query]', 'a part of a name, or a pattern; without it all names', '')
      .addOption(limitOption(rowsShown.search))
      .action((query: string, options: Options & WithLimit) =>
        run(options, (s) => search(s, query, options.limit)),
      ),
    new Command('list')
      .summary('list files, here and elsewhere')
      .description(
        'Lists files: local (in shared/), downloaded, replicated (kept for others), remote (not here), or both.',
      )
      .addArgument(kindArgument())
      .addOption(limitOption(rowsShown.list))
      .action((kind: ListKind, options: Options & WithLimit) =>
        run(options, (s) => list(s, kind, options.limit)),
      ),
  ]
}

function movingCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  return [
    new Command('download')
      .summary('fetch files into downloaded/')
      .description(
        'Fetches a file from the peers that have it, checks it, and puts it into downloaded/. A folder, or a pattern with * ? [..] **, fetches all files that it matches.',
      )
      .argument('<name>', 'the whole name of a file or folder, or a pattern')
      .option('--sha256 <hex>', 'which version, if the name has several', parseSha256)
      .option('--no-wait', 'fail when nobody can send it, instead of waiting')
      .option('-v, --verbose', 'show what each source sends')
      .action((name: string, options: Options & DownloadOptions) =>
        run(options, (s) => download(s, name, options)),
      ),
    ...downloadsCommands(run),
    new Command('push')
      .summary('share a copy of a file')
      .description(
        "Copies a file of this machine into the peer's shared/, whence everybody can have it.",
      )
      .argument('<file>', 'the path of a file')
      .option('--name <name>', 'the name to share it under (default: its own)')
      .option('--replace', 'take the place of a shared file of this name')
      .option('--wait', 'return only when the file has all its copies')
      .action((file: string, options: Options & PushOptions) =>
        run(options, (s) => push(s, file, options)),
      ),
    new Command('unshare')
      .summary('take files out of the cluster')
      .description(
        "Takes a file out of the cluster, also one that is gone from its owner's disk. What is in its owner's shared/ folder stays there. A folder that ends with a slash, or a pattern with * ? [..] **, takes out all files that it matches.",
      )
      .argument('<name>', 'the whole name of a file, a folder with a slash, or a pattern')
      .option('--owner <peer>', 'whose file, if several peers have one of this name')
      .option('--force', 'take out files of other peers, too')
      .action((name: string, options: Options & UnshareOptions) => {
        const { owner, force } = options
        const chosen = {
          ...(owner !== undefined && { owner }),
          ...(force === true && { force }),
        }
        return run(options, (s) => unshare(s, name, chosen))
      }),
  ]
}

function downloadsCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  const changing = [
    ['pause', 'stop a download until it is resumed', 'What came is kept.', pause],
    ['resume', 'let a paused download go on', 'It goes on where it was.', resume],
    ['cancel', 'end a download', 'What came is removed.', cancel],
  ] as const
  return [
    new Command('downloads')
      .summary('list the downloads')
      .description('Lists the downloads that have not ended, and the last ones that have.')
      .action((options: Options) => run(options, downloads)),
    ...changing.map(([name, summary, more, change]) =>
      new Command(name)
        .summary(summary)
        .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}. ${more}`)
        .argument('<download>', 'its id or name, as `downloads` lists them')
        .action((which: string, options: Options) => run(options, (s) => change(s, which))),
    ),
  ]
}

function limitsCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const words = limitWords.join(', ')
  const command = new Command('limits')
    .summary('show or change how much this peer may use')
    .description(
      `Shows the limits in force, or sets one by hand until it is reset, as in 'limits set upload 5MB/s', 'limits set download unlimited', 'limits set downloads 3' and 'limits reset'. They are ${words}.`,
    )
    .addArgument(new Argument('[action]', 'to change them').choices(limitActions))
    .argument('[limit]', 'which one; reset takes all without it')
    .argument('[value]', 'what to set it to')
  return command.action(
    (action: LimitAction | undefined, limit: string | undefined, value: string | undefined) => {
      const complain = (reason: string): never => command.error(`error: ${reason}`)
      const change = parseLimitsChange({ action, limit, value }, complain)
      return run(command.opts<Options>(), (session) => limits(session, change))
    },
  )
}

function deletesCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const actions = ['confirm'] as const
  const command = new Command('deletes')
    .summary('show or confirm files that are missing')
    .description(
      'Shows the folders of this peer that are missing, unmounted, unreadable, empty or without most of their files. Their entries are kept until the files return, or until `deletes confirm` says that they were deleted on purpose.',
    )
    .addArgument(new Argument('[action]', 'to say that it was meant').choices(actions))
  return command.action((action: (typeof actions)[number] | undefined, options: Options) =>
    run(options, action === 'confirm' ? confirmDeletes : deletes),
  )
}

function clusterCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  return [
    new Command('peers')
      .summary('list the peers')
      .description('Lists the peers that the index knows.')
      .action((options: Options) => run(options, peers)),
    new Command('stats')
      .summary('say how fast lookups and downloads were')
      .description('Says how fast the lookups and downloads of this peer were.')
      .action((options: Options) => run(options, stats)),
    new Command('status')
      .summary('say whether every file has its copies')
      .description(
        'Says how many peers live, how many contents lack copies, and what is being done.',
      )
      .action((options: Options) => run(options, status)),
    new Command('problems')
      .summary('list the files that are not shared')
      .description(
        'Lists what lies in the folders of this peer and is not shared, why, and what to do about it.',
      )
      .action((options: Options) => run(options, problems)),
    new Command('why')
      .summary("say where a file's copies are")
      .description(
        'Says where each copy of a file is and, if copies lack, why; of a file of this peer that is not shared, why not.',
      )
      .argument('<name>', 'the whole name of a file')
      .action((name: string, options: Options) => run(options, (s) => why(s, name))),
    new Command('versions')
      .summary('list the versions of a file')
      .description(
        'Lists the content that a file has, and those that it had before and that are kept for a while: `download --sha256` fetches one.',
      )
      .argument('<name>', 'the whole name of a file')
      .action((name: string, options: Options) => run(options, (s) => versions(s, name))),
  ]
}

function limitOption(rowsForPeople: number): Option {
  return new Option(
    '--limit <rows>',
    `show at most this many (default: ${rowsForPeople}; with --json all)`,
  ).argParser(parseRows)
}

function kindArgument(): Argument {
  return new Argument('[kind]', `one of ${listWords.join(', ')}`)
    .default('both' satisfies ListKind)
    .argParser(parseKind)
}

function parseKind(text: string): ListKind {
  const word = text.toLowerCase()
  const kind = word === 'local' ? 'shared' : listKinds.find((each) => each === word)
  if (kind === undefined) throw new InvalidArgumentError(`It is one of ${listWords.join(', ')}.`)
  return kind
}

export function parseSha256(text: string): string {
  const sha256 = text.toLowerCase()
  if (!isSha256(sha256)) throw new InvalidArgumentError('It has 64 hexadecimal digits.')
  return sha256
}

function parseRows(text: string): number {
  const rows = Number(text)
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new InvalidArgumentError('It is a number from 1 on.')
  return rows
}
