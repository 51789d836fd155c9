import { Command } from 'commander'
import { AppError, hasCode } from '../../common/errors.ts'
import type { CallRequest } from '../api/calls.ts'
import type { UnsharedPage } from '../api/file-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { isPattern } from './download-command.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'

type UnshareOptions = Omit<CallRequest<'unshare'>, 'name'>

/** Failures listed individually. */
const failuresShown = 20

export function unshareCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('unshare')
    .summary('remove files from the cluster')
    .description(
      "Removes a file from the cluster, even if its owner has deleted it. The owner's file in shared/ is kept. A folder with a trailing slash, or a pattern with * ? [..] **, removes all matching files.",
    )
    .argument('<name>', 'full name of a file, a folder with a trailing slash, or a pattern')
    .option('--owner <peer>', 'owner of the file, if several peers share this name')
    .option('--force', 'also remove files of other peers')
    .action((name: string, options: Options & UnshareOptions) => {
      const { owner, force } = options
      const chosen = {
        ...(owner !== undefined && { owner }),
        ...(force === true && { force }),
      }
      return run(options, (session) => unshare(session, name, chosen))
    })
}

/**
 * Removes a file from the cluster, or all files that match a pattern or are in a folder. Text that looks
 * like a pattern is tried as a name first: 'a[1].txt' does not also remove 'a1.txt'.
 * @throws AppError NOT_SHARED, NOT_OWNER, FILE_DELETED, NO_MATCH, UNSHARE_INCOMPLETE
 */
async function unshare(session: Session, name: string, options: UnshareOptions): Promise<void> {
  try {
    if (!name.endsWith('/')) return await unshareOne(session, name, options)
  } catch (error) {
    if (!isPattern(name) || !hasCode(error, 'NOT_SHARED')) throw error
  }
  await unshareAll(session, name, options)
}

async function unshareOne(
  { api, signal, json, terminal }: Session,
  name: string,
  options: UnshareOptions,
): Promise<void> {
  await api.unshare({ name, ...options }, signal)
  await terminal.print(
    json
      ? printableJson({ name, ...options }, 2)
      : `Unshared '${printable(name)}'. Its owner keeps it on disk; other peers drop their replicas.`,
  )
}

async function unshareAll(
  session: Session,
  pattern: string,
  options: UnshareOptions,
): Promise<void> {
  const { api, signal, json, terminal } = session
  let unshared = 0
  let failed = 0
  const failures: UnsharedPage['failures'] = []
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; ) {
    isFirst = false
    const request = { pattern, ...options, ...(after !== undefined && { after }) }
    const page = await api.unshareMatching(request, signal)
    unshared += page.unshared
    failed += page.failures.length
    failures.push(...page.failures.slice(0, failuresShown - failures.length))
    after = page.next
  }
  if (unshared + failed === 0) throw new AppError('NO_MATCH', { pattern })
  const count = unshared === 1 ? '1 file' : `${unshared} files`
  const lines = [
    `Unshared ${count}. Their owners keep them on disk; other peers drop their replicas.`,
    ...failures.map(({ message }) => `  ${printable(message)}`),
  ]
  await terminal.print(
    json ? printableJson({ pattern, unshared, failed, failures }, 2) : lines.join('\n'),
  )
  if (failed > 0)
    throw new AppError('UNSHARE_INCOMPLETE', { failed, files: unshared + failed, pattern })
}
