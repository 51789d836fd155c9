/** `list`: this peer's copies by kind, then the files that only other peers have, page by page. */
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { type CopyKey, CopyKind, copyKinds } from '../../common/protocol/shapes.ts'
import type { CallReply, CallRequest } from './calls.ts'
import type { ListedFile } from './file-shapes.ts'
import { cursorOf, notACursor, parseCursor } from './page-cursor.ts'

interface LocalFile {
  readonly at: CopyKey
  readonly content: { readonly sha256: string; readonly size: number }
}

/** The parts of the peer that listing needs. */
export interface ListSources {
  /** Files of a kind after `after`, sorted by name, then owner. */
  local(
    kind: CopyKind,
    limit: number,
    after?: { name: string; owner?: string },
  ): readonly LocalFile[]
  remote(page: { limit: number; after?: string }): Promise<CallReply<'list'>>
}

const LocalPosition = Type.Object({
  kind: CopyKind,
  after: Type.Optional(Type.Object({ name: Type.String(), owner: Type.Optional(Type.String()) })),
})
const Position = Type.Union([
  LocalPosition,
  Type.Object({ kind: Type.Literal('remote'), after: Type.Optional(Type.String()) }),
])
/** The start of a page: the list of a kind, after a file. */
type Position = Static<typeof Position>
const isPosition = (value: unknown): value is Position => Value.Check(Position, value)

/**
 * One page of at most `limit` files. It may be shorter even if more follow.
 * @throws AppError BAD_REQUEST if `after` is not the `next` of a page; errors of `remote`
 */
export async function listFiles(
  { kind, limit, after }: CallRequest<'list'>,
  sources: ListSources,
): Promise<CallReply<'list'>> {
  const kinds: readonly Position['kind'][] = kind === 'both' ? [...copyKinds, 'remote'] : [kind]
  const from: Position =
    after === undefined ? { kind: kinds[0] ?? 'remote' } : parseCursor(after, isPosition)
  if (!kinds.includes(from.kind)) throw notACursor()
  const page =
    from.kind === 'remote'
      ? await remotePage(from.after, limit, sources)
      : localPage(from, limit, sources)
  if (page.next !== undefined) return { files: page.files, next: cursorOf(page.next) }
  const nextKind = kinds[kinds.indexOf(from.kind) + 1]
  return nextKind === undefined
    ? { files: page.files }
    : { files: page.files, next: cursorOf({ kind: nextKind }) }
}

interface Page {
  readonly files: ListedFile[]
  /** Absent if the kind has no more files. */
  readonly next?: Position
}

function localPage(
  { kind, after }: Static<typeof LocalPosition>,
  limit: number,
  sources: ListSources,
): Page {
  const found = sources.local(kind, limit, after)
  const files = found.map(({ at, content: { sha256, size } }) => ({
    name: at.name,
    kind,
    size,
    sha256,
  }))
  const last = found.at(-1)?.at
  if (found.length < limit || last === undefined) return { files }
  const { name, owner } = last
  return { files, next: { kind, after: owner === undefined ? { name } : { name, owner } } }
}

async function remotePage(
  after: string | undefined,
  limit: number,
  sources: ListSources,
): Promise<Page> {
  const { files, next } = await sources.remote(after === undefined ? { limit } : { limit, after })
  return next === undefined ? { files } : { files, next: { kind: 'remote', after: next } }
}
