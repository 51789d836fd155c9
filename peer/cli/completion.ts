import type { Command, Option } from 'commander'
import type { PeerApi } from '../api/calls.ts'
import { limitWords } from '../api/limit-table.ts'
import { allPeers } from '../api/pages.ts'
import { limitActions } from './limits-command.ts'
import { listWords } from './list-commands.ts'
import { peersActions } from './peers-command.ts'
import { isPrintable } from './printable.ts'
import { replicationActions } from './replication-command.ts'
import { trashActions } from './trash-commands.ts'
import { needsQuotes, quoteWord, splitWords, type Word } from './words.ts'

/** The format of readline: candidates for the last word, and that word as typed. */
export type Completion = [candidates: string[], typed: string]

/** Candidates shown; users type on rather than read more. */
const namesOffered = 100

export interface CompletionSources {
  readonly api: Pick<
    PeerApi,
    'folder' | 'followed' | 'search' | 'peers' | 'replicationRules' | 'trash'
  >
  /** The commands of the prompt. */
  readonly commands: readonly Command[]
  /** Paths on this machine that begin with `partial`. */
  pathsWith(partial: string): Promise<string[]>
}

/** Completes the last word of `line`: a command, an option, a kind, a path, or a name known to the index. */
export async function complete(
  line: string,
  sources: CompletionSources,
  signal: AbortSignal,
): Promise<Completion> {
  const words = splitWords(line)
  const isNewWord = /(^|\s)$/.test(line) && words.at(-1)?.openQuote === undefined
  const partial: Word = (isNewWord ? undefined : words.pop()) ?? { text: '', start: line.length }
  const typed = line.slice(partial.start)
  const found = await candidates(words, partial.text, sources, signal)
  const fitting = found.filter((text) => text.startsWith(partial.text) && isPrintable(text))
  return [asTyped(fitting, typed), typed]
}

async function candidates(
  before: readonly Word[],
  partial: string,
  sources: CompletionSources,
  signal: AbortSignal,
): Promise<string[]> {
  const name = before[0]?.text.toLowerCase()
  const names = sources.commands.map((command) => command.name())
  if (name === undefined)
    return (
      [...names, 'help']
        .filter((command) => command.startsWith(partial.toLowerCase()))
        // Commands ignore case: what was typed is kept.
        .map((command) => partial + command.slice(partial.length))
    )
  if (name === 'help') return names
  const command = sources.commands.find(
    (each) => each.name() === name || each.aliases().includes(name),
  )
  if (command === undefined) return []
  const option = optionBefore(before, command)
  if (option !== undefined) return await valuesOf(option, partial, sources, signal)
  if (partial.startsWith('-')) return command.options.map((option) => option.long ?? '')
  if (name === 'list') return [...listWords]
  if (name === 'limits') return limitsWords(before)
  if (name === 'replication') return await replicationWords(before, partial, sources.api, signal)
  if (name === 'peers' && before.length === 1) return [...peersActions]
  if (peerWords.includes(name)) return await peersWith(sources.api, signal)
  if (name === 'trash' && before.length === 1) return [...trashActions]
  if (name === 'restore' || name === 'trash') return await trashedWith(partial, sources.api, signal)
  if (name === 'unfollow')
    return (await sources.api.followed(signal)).followed.map(({ pattern }) => pattern)
  if (name === 'browse') return await foldersWith(partial, sources.api, signal)
  if (name === 'push' || name === 'ls') return await sources.pathsWith(partial)
  if (before.length === 1 && command.commands.length > 0)
    return command.commands.map((nested) => nested.name())
  if (command.registeredArguments.length === 0) return []
  return await namesWith(partial, sources.api, signal)
}

/** The option of which the next word is the value, if it is one. */
function optionBefore(before: readonly Word[], command: Command): Option | undefined {
  const last = before.at(-1)?.text
  const named = command.options.find(({ long, short }) => long === last || short === last)
  return named?.required === true ? named : undefined
}

/** Values of an option: its choices, or by what its flags name, such as `<peer|all>`. */
async function valuesOf(
  { argChoices, flags }: Option,
  partial: string,
  sources: CompletionSources,
  signal: AbortSignal,
): Promise<string[]> {
  if (argChoices !== undefined) return argChoices
  const [, named = ''] = /<([^>.]+)(?:\.{3})?>/.exec(flags) ?? []
  const [meaning = '', ...literals] = named.split('|')
  switch (meaning) {
    case 'peer':
      return [...literals, ...(await peersWith(sources.api, signal))]
    case 'name':
      return await namesWith(partial, sources.api, signal)
    case 'path':
      return await sources.pathsWith(partial)
    default:
      return []
  }
}

/** Commands whose argument is the id of a peer. */
const peerWords: readonly string[] = ['drain', 'undrain', 'maintenance', 'safe-to-stop', 'peers']

async function peersWith(api: Pick<PeerApi, 'peers'>, signal: AbortSignal): Promise<string[]> {
  return (await allPeers(api, signal)).map(({ peerId }) => peerId)
}

/** Words after `limits`, `limits set` and `limits reset`. */
function limitsWords(before: readonly Word[]): string[] {
  if (before.length === 1) return [...limitActions]
  if (before.length === 2) return [...limitWords]
  return before.length === 3 && before[1]?.text === 'set' ? ['unlimited'] : []
}

/** Words after `replication` and its actions. */
async function replicationWords(
  before: readonly Word[],
  partial: string,
  api: CompletionSources['api'],
  signal: AbortSignal,
): Promise<string[]> {
  const action = before[1]?.text
  if (before.length === 1) return [...replicationActions]
  if (before.length !== 2) return []
  if (action === 'set' || action === 'get') return await namesWith(partial, api, signal)
  if (action !== 'unset') return []
  return (await api.replicationRules(signal)).rules.map(({ pattern }) => pattern)
}

/** A search for the names that begin with a text. */
function queryFor(partial: string): string {
  // A name may contain pattern characters: only the part before the first one is literal.
  const [plain = ''] = partial.split(/[*?[\]{}!]/, 1)
  return plain === '' ? '' : `${plain}**`
}

async function trashedWith(
  partial: string,
  api: Pick<PeerApi, 'trash'>,
  signal: AbortSignal,
): Promise<string[]> {
  const { files } = await api.trash({ q: queryFor(partial), limit: namesOffered }, signal)
  return [...new Set(files.map((file) => file.name))]
}

async function namesWith(
  partial: string,
  api: Pick<PeerApi, 'search'>,
  signal: AbortSignal,
): Promise<string[]> {
  const query = queryFor(partial)
  const { files } = await api.search({ q: query, limit: namesOffered }, signal)
  return [...new Set(files.map(({ name }) => name))]
}

/** The subfolders whose names begin with the last segment of a path. */
async function foldersWith(
  partial: string,
  api: Pick<PeerApi, 'folder'>,
  signal: AbortSignal,
): Promise<string[]> {
  const start = partial.lastIndexOf('/') + 1
  const [folder, after] = [partial.slice(0, start), partial.slice(start)]
  const page = { folder, limit: namesOffered, ...(after !== '' && { after }) }
  const { entries } = await api.folder(page, signal)
  return entries.flatMap(({ type, name }) => (type === 'folder' ? [`${folder}${name}/`] : []))
}

/** Candidates as words of the line: all quoted if one needs it, so that readline finds their common prefix. */
function asTyped(texts: readonly string[], typed: string): string[] {
  const quote = typed.startsWith('"') ? '"' : "'"
  const isQuoted = typed.startsWith(quote) || texts.some(needsQuotes)
  const words = texts.map((text) => {
    const word = isQuoted ? quoteWord(text, quote) : text
    // A path in the folder follows: its quote stays open.
    return isQuoted && isFolder(text) ? word.slice(0, -1) : word
  })
  const [only] = texts
  // A single candidate completes the word.
  return texts.length === 1 && only !== undefined && !isFolder(only) ? [`${words[0]} `] : words
}

function isFolder(path: string): boolean {
  return path.endsWith('/') || path.endsWith('\\')
}
