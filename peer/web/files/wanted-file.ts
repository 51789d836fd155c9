import { withDeadline } from '../../../common/deadline.ts'
import { AppError } from '../../../common/errors.ts'
import { isSha256, parseName } from '../../../common/ids.ts'
import type { FoundContent } from '../../../common/protocol/messages.ts'
import { type FileFacts } from './file-headers.ts'
import type { FileSources, LocalContent } from './file-sources.ts'

/** A local file is served without an index; its mirrors are not waited for any longer than this. */
const mirrorsWaitMs = 300

/** A content under a name, here or on other peers. */
export interface WantedFile extends FileFacts {
  readonly local: LocalContent | undefined
  /** What the index says of it: several if peers state different sizes or chunk roots. */
  readonly found: readonly FoundContent[]
  /** Other contents of the name. */
  readonly others: readonly FoundContent[]
}

/**
 * A file by its hash.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND, CONTENT_NOT_FOUND, INDEX_UNREACHABLE
 */
export async function fileByHash(
  text: string,
  sha256: string,
  sources: Pick<FileSources, 'local' | 'lookup' | 'clock'>,
  signal: AbortSignal,
): Promise<WantedFile> {
  const name = parseName(text)
  if (!isSha256(sha256))
    throw new AppError('BAD_REQUEST', { path: 'sha256', reason: 'is not 64 hexadecimal digits' })
  const local = sources.local(sha256)
  const contents = await contentsOf(name, sha256, local, sources, signal)
  return wantedFile(name, sha256, local, contents)
}

/**
 * The preferred content of a name.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED, INDEX_UNREACHABLE
 */
export async function fileByName(
  text: string,
  sources: Pick<FileSources, 'local' | 'lookup'>,
  signal: AbortSignal,
): Promise<WantedFile> {
  const name = parseName(text)
  const contents = await sources.lookup(name, signal)
  const [preferred] = contents
  if (preferred === undefined) throw new AppError('NAME_NOT_FOUND', { name })
  const { sha256 } = preferred
  return wantedFile(name, sha256, sources.local(sha256), contents)
}

async function contentsOf(
  name: string,
  sha256: string,
  local: LocalContent | undefined,
  sources: Pick<FileSources, 'lookup' | 'clock'>,
  signal: AbortSignal,
): Promise<FoundContent[]> {
  if (local === undefined) return await sources.lookup(name, signal, sha256)
  const wait = { what: 'Finding mirrors', deadlineMs: mirrorsWaitMs, signal }
  const finding = withDeadline(wait, sources.clock, (inTime) =>
    sources.lookup(name, inTime, sha256),
  )
  return await finding.catch(() => {
    signal.throwIfAborted()
    return []
  })
}

/** @throws AppError CONTENT_NOT_FOUND */
function wantedFile(
  name: string,
  sha256: string,
  local: LocalContent | undefined,
  contents: readonly FoundContent[],
): WantedFile {
  const found = contents.filter((content) => content.sha256 === sha256)
  const [first] = found
  const size = local?.content.size ?? first?.size
  if (size === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  const modifiedMs = first?.modifiedMs ?? local?.modifiedMs
  const others = contents.filter((content) => content.sha256 !== sha256)
  return { name, sha256, size, modifiedMs, local, found, others }
}
