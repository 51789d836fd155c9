/** What the drawer shows about one name: the replies of `lookup`, `why` and `versions`, combined. */
import type { CallReply } from '../../../api/calls.ts'
import type { Client } from '../api/client.ts'
import { isCode } from '../api/problem.ts'

type Explained = CallReply<'why'>['contents'][number]
type Problems = NonNullable<CallReply<'why'>['problems']>
export type Version = CallReply<'versions'>['versions'][number]

export interface Holder {
  readonly peerId: string
  readonly kind: string
  readonly state: Explained['copies'][number]['state'] | undefined
  /** `host:port`, if it is a source now. */
  readonly address: string | undefined
  /** Why it is no copy. */
  readonly fault: 'damaged' | 'not proven' | undefined
}

export interface ContentDetails extends Pick<Explained, 'sha256' | 'size' | 'factor'> {
  readonly isWanted: boolean
  /** When the file was modified, if a current one has this content. */
  readonly modifiedMs: number | undefined
  readonly holders: readonly Holder[]
  /** Why copies are missing, are too many, or move: sentences without a full stop. */
  readonly missing: readonly string[]
  readonly notes: readonly string[]
}

export interface FileDetails {
  readonly name: string
  readonly contents: readonly ContentDetails[]
  readonly versions: readonly Version[]
  /** Why this peer does not share files of this name, if so. */
  readonly problems: Problems
}

/** @throws Problem */
export async function loadDetails(
  client: Client,
  name: string,
  signal: AbortSignal,
): Promise<FileDetails> {
  const [why, lookup, versions] = await Promise.all([
    client.call('why', { name }, signal),
    orNothing(client.call('lookup', { name }, signal)),
    orNothing(client.call('versions', { name }, signal)),
  ])
  return detailsOf(why, lookup, versions?.versions ?? [])
}

/** A name may have copies without sources, and sources without versions. */
async function orNothing<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (['NAME_NOT_FOUND', 'FILE_DELETED', 'NO_SOURCE'].some((code) => isCode(error, code)))
      return undefined
    throw error
  }
}

export function detailsOf(
  why: CallReply<'why'>,
  lookup: CallReply<'lookup'> | undefined,
  versions: readonly Version[],
): FileDetails {
  const contents = why.contents.map((content) => {
    const sources = lookup?.files.find(({ sha256 }) => sha256 === content.sha256)?.sources ?? []
    const version = versions.find(
      ({ sha256, state }) => sha256 === content.sha256 && state === 'current',
    )
    const modifiedMs = version?.modifiedMs
    return { ...contentOf(content), modifiedMs, holders: holdersOf(content.copies, sources) }
  })
  return { name: why.name, contents, versions, problems: why.problems ?? [] }
}

function contentOf(content: Explained): Omit<ContentDetails, 'holders' | 'modifiedMs'> {
  const { sha256, size, factor, wanted, missing, surplus, moving } = content
  const notes = [surplus, moving].filter((note) => note !== undefined)
  return { sha256, size, factor, isWanted: wanted, missing, notes }
}

type Source = CallReply<'lookup'>['files'][number]['sources'][number]

/** Each peer once; those that are still downloading, which `why` does not list, come last. */
function holdersOf(copies: Explained['copies'], sources: readonly Source[]): Holder[] {
  const addresses = new Map(sources.map((source) => [source.peerId, source]))
  const holders = copies.map(({ peerId, kind, state, damaged, unproven }): Holder => {
    const source = addresses.get(peerId)
    const fault = damaged === true ? 'damaged' : unproven === true ? 'not proven' : undefined
    return { peerId, kind, state, address: addressOf(source), fault }
  })
  const known = new Set(copies.map(({ peerId }) => peerId))
  const partial = sources
    .filter(({ peerId }) => !known.has(peerId))
    .map((source): Holder => {
      const { peerId, kind } = source
      return { peerId, kind, state: 'live', address: addressOf(source), fault: undefined }
    })
  return [...holders, ...partial]
}

function addressOf(source: Source | undefined): string | undefined {
  if (source === undefined) return undefined
  return source.host.includes(':')
    ? `[${source.host}]:${source.port}`
    : `${source.host}:${source.port}`
}

/** The copies that count towards the factor. */
export function liveCopies({ holders }: Pick<ContentDetails, 'holders'>): number {
  const counting = holders.filter(
    ({ state, kind, fault }) =>
      (state === 'live' || state === 'suspect') && kind !== 'partial' && fault === undefined,
  )
  return new Set(counting.map(({ peerId }) => peerId)).size
}
