/** The commands that make one call and print its reply; each row defines one. */
import { Command } from 'commander'
import type { Download } from '../api/download-shapes.ts'
import { allDownloads, allProblems, allVersions } from '../api/pages.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { downloadCalled } from './download-called.ts'
import { printableJson } from './printable.ts'
import {
  downloadsText,
  lookupText,
  problemsText,
  statsText,
  versionsText,
  whyText,
} from './reports.ts'
import type { Session } from './session.ts'
import { statusText } from './status-report.ts'
import { type Style, styleOf } from './style.ts'

interface Question<Answer> {
  readonly name: string
  /** For the list of commands; a phrase without a full stop. */
  readonly summary: string
  /** Sentences. */
  readonly description: string
  /** The only argument and what it is. */
  readonly argument?: readonly [term: `<${string}>`, meaning: string]
  readonly ask: (session: Session, argument: string) => Promise<Answer>
  /** For people; programs get the answer as JSON. */
  readonly text: (answer: Answer, style: Style) => string
}

/** A question, whatever its reply. */
export type AnyQuestion = <Options extends CommonOptions>(run: RunCommand<Options>) => Command

function question<Answer>(row: Question<Answer>): AnyQuestion {
  return <Options extends CommonOptions>(run: RunCommand<Options>) => {
    const { name, summary, description, argument, ask, text } = row
    const command = new Command(name).summary(summary).description(description)
    const answer = async (session: Session, typed: string): Promise<void> => {
      const found = await ask(session, typed)
      const { terminal, json } = session
      await terminal.print(json ? printableJson(found, 2) : text(found, styleOf(terminal)))
    }
    if (argument === undefined)
      return command.action((options: Options) => run(options, (session) => answer(session, '')))
    return command
      .argument(...argument)
      .action((typed: string, options: Options) =>
        run(options, (session) => answer(session, typed)),
      )
  }
}

const fileName = ['<name>', 'full name of a file'] as const
const downloadId = ['<download>', 'id or name, as listed by `downloads`'] as const
const downloadText = (download: Download, style: Style): string => downloadsText([download], style)

export const fileQuestions: readonly AnyQuestion[] = [
  question({
    name: 'lookup',
    summary: 'list the peers that have a file',
    description: 'Lists the peers that have a file of this name, by version.',
    argument: fileName,
    ask: ({ api, signal }, name) => api.lookup({ name }, signal),
    text: lookupText,
  }),
]

export const downloadQuestions: readonly AnyQuestion[] = [
  question({
    name: 'downloads',
    summary: 'list the downloads',
    description: 'Lists unfinished downloads and the most recent finished ones.',
    ask: ({ api, signal }) => allDownloads(api, signal),
    text: downloadsText,
  }),
  question({
    name: 'pause',
    summary: 'pause a download',
    description: 'Pauses a download until it is resumed. Its partial data is kept.',
    argument: downloadId,
    ask: async (session, which) => {
      const { id } = await downloadCalled(session, which)
      return await session.api.pauseDownload({ id }, session.signal)
    },
    text: downloadText,
  }),
  question({
    name: 'resume',
    summary: 'resume a paused download',
    description: 'Resumes a paused download where it stopped.',
    argument: downloadId,
    ask: async (session, which) => {
      const { id } = await downloadCalled(session, which)
      return await session.api.resumeDownload({ id }, session.signal)
    },
    text: downloadText,
  }),
  question({
    name: 'cancel',
    summary: 'cancel a download',
    description: 'Cancels a download and removes its partial data.',
    argument: downloadId,
    ask: async (session, which) => {
      const { api, signal } = session
      const { id } = await downloadCalled(session, which)
      await api.cancelDownload({ id }, signal)
      return await api.download({ id, waitMs: 0 }, signal)
    },
    text: downloadText,
  }),
]

export const clusterQuestions: readonly AnyQuestion[] = [
  question({
    name: 'stats',
    summary: 'show how fast lookups and downloads were',
    description: 'Shows how fast the lookups and downloads of this peer were.',
    ask: ({ api, signal }) => api.stats(signal),
    text: statsText,
  }),
  question({
    name: 'status',
    summary: 'show whether every file has its copies',
    description: 'Shows live peers, contents that lack copies, and replication tasks.',
    ask: ({ api, signal }) => api.status(signal),
    text: statusText,
  }),
  question({
    name: 'problems',
    summary: 'list files that are not shared, with reasons',
    description:
      "Lists the files and folders in this peer's folders that are not shared, with reasons and remedies.",
    ask: ({ api, signal }) => allProblems(api, signal),
    text: problemsText,
  }),
  question({
    name: 'why',
    summary: 'show where the copies of a file are',
    description:
      'Shows where each copy of a file is and why copies are missing, or why this peer does not share the file.',
    argument: fileName,
    ask: ({ api, signal }, name) => api.why({ name }, signal),
    text: whyText,
  }),
  question({
    name: 'versions',
    summary: 'list the versions of a file',
    description:
      'Lists the current content of a file and the replaced ones that are still kept. `download --sha256` fetches one of them.',
    argument: fileName,
    ask: ({ api, signal }, name) => allVersions(api, { name }, signal),
    text: versionsText,
  }),
]
