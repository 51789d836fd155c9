/** Answers to lookups, as the JSON that is sent. */
import { hasCode } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { EncodedReply } from '../common/protocol/encoded-reply.ts'
import { jsonRowsThatFitFrame } from '../common/protocol/frame-budget.ts'
import type { FoundContent, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { Fetching } from './fetching.ts'
import type { LookupMemory } from './known-files/lookup-memory.ts'
import { foundContent, type PeerOf, rankContents } from './rank.ts'
import type { Session } from './registry.ts'
import type { MadeReply } from './reply-cache.ts'
import type { IndexStore, NamedContent } from './store/store.ts'
import type { Trash } from './trash.ts'
import { keptContents } from './versions.ts'

type LookupReply = EncodedReply<'lookup'>

export interface LookupDependencies {
  readonly store: IndexStore
  readonly peerOf: PeerOf
  readonly fetching: Fetching
  readonly lookups: Pick<LookupMemory, 'replies' | 'files'>
  readonly trash: Pick<Trash, 'absence'>
}

/**
 * The contents of a name; if none of them has the requested hash, the kept versions that have it.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED
 */
export function lookup(
  { name: typed, sha256 }: RequestOf<'lookup'>,
  { peerId: asker }: Session,
  dependencies: LookupDependencies,
): LookupReply | Promise<LookupReply> {
  const name = parseName(typed)
  const { lookups, fetching } = dependencies
  const found = lookups.replies.get(name, () => made(name, dependencies))
  if (sha256 === undefined && fetching.isEmpty) return found
  return withSources(found, { name, sha256, asker }, dependencies)
}

async function made(name: string, dependencies: LookupDependencies): Promise<MadeReply<'lookup'>> {
  const { store, peerOf, trash, lookups } = dependencies
  const { version } = lookups.files
  const named = await store.contentsNamed(name, limits.contentsPerNameMax)
  if (named.length === 0) throw await trash.absence(name)
  const [sole] = named
  if (sole !== undefined && named.length === 1) lookups.files.put(name, sole, version)
  const ranked = rankContents(named, peerOf).map((content) => foundContent(content, peerOf))
  const contentIds = named.map(({ contentId }: NamedContent) => contentId)
  return { reply: encoded(ranked), contentIds }
}

function encoded(contents: readonly FoundContent[]): LookupReply {
  const rows = contents.map((content) => JSON.stringify(content))
  return new EncodedReply(`{"contents":[${jsonRowsThatFitFrame(rows).join(',')}]}`)
}

interface Wanted {
  readonly name: string
  readonly sha256: string | undefined
  readonly asker: string | undefined
}

/** Adds the peers that are downloading a content, and a kept version that is requested by its hash. */
async function withSources(
  found: LookupReply | Promise<LookupReply>,
  { name, sha256, asker }: Wanted,
  { store, peerOf, fetching }: LookupDependencies,
): Promise<LookupReply> {
  const outcome = await settled(found)
  const isListed = (contents: ReplyOf<'lookup'>['contents']): boolean =>
    sha256 === undefined || contents.some((content) => content.sha256 === sha256)
  let contents = 'error' in outcome ? undefined : outcome.reply.decode().contents
  if (sha256 !== undefined && (contents === undefined || !isListed(contents))) {
    const kept = await keptContents(name, sha256, { store, peerOf })
    if (kept.length > 0) contents = kept
  }
  if (contents === undefined) return await found
  return encoded(contents.map((one) => fetching.withPartialSources(one, { asker, peerOf })))
}

type Outcome = { readonly reply: LookupReply } | { readonly error: unknown }

/** An absent name is an outcome. @throws every other error */
async function settled(found: LookupReply | Promise<LookupReply>): Promise<Outcome> {
  try {
    return { reply: await found }
  } catch (error) {
    if (hasCode(error, 'NAME_NOT_FOUND') || hasCode(error, 'FILE_DELETED')) return { error }
    throw error
  }
}
