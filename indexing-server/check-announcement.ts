import { chunkCountFor } from '../common/content/chunks.ts'
import { AppError } from '../common/errors.ts'
import { isPeerId, nameProblem } from '../common/ids.ts'
import type { Change, Content, RequestOf } from '../common/protocol/messages.ts'

/** The SHA-256 of nothing. */
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * Refuses an announcement with an entry that no honest peer sends; nothing of it is applied.
 * @throws AppError BAD_REQUEST naming the entry
 */
export function checkAnnouncement(announcement: RequestOf<'announce'>): void {
  const { begin, previousSeq, lastSeq, changes } = announcement
  if (begin === true && previousSeq !== 0) throw bad('previousSeq', 'must be 0 with begin')
  if (lastSeq < previousSeq) throw bad('lastSeq', 'must not be before previousSeq')
  for (const [index, change] of changes.entries()) {
    const problem = changeProblem(change)
    if (problem !== undefined) throw bad(`changes/${index}/${problem.field}`, problem.reason)
  }
}

interface Problem {
  readonly field: string
  readonly reason: string
}

function changeProblem(change: Change): Problem | undefined {
  const reason = nameProblem(change.name)
  if (reason !== undefined) return { field: 'name', reason }
  if (change.op === 'unshare') return undefined
  if ((change.owner !== undefined) !== (change.kind === 'replicated'))
    return { field: 'owner', reason: 'must be there exactly for replicated copies' }
  if (change.owner !== undefined && !isPeerId(change.owner))
    return { field: 'owner', reason: 'is not a peer id' }
  const { version } = change
  if (version !== undefined && change.kind !== 'replicated')
    return { field: 'version', reason: 'must be there for replicated copies alone' }
  if (version !== undefined && change.op === 'put' && version !== change.sha256)
    return { field: 'version', reason: 'must equal sha256' }
  return change.op === 'put' ? contentProblem(change) : undefined
}

/** What can be seen of a lie without the bytes; docs/decisions/0004 has the rest. */
function contentProblem({ sha256, size, chunkRoot }: Content): Problem | undefined {
  if (chunkCountFor(size) === 1 && chunkRoot !== sha256)
    return { field: 'chunkRoot', reason: 'must equal sha256 for a content of one chunk' }
  if ((size === 0) !== (sha256 === emptySha256))
    return { field: 'size', reason: 'does not go with sha256' }
  return undefined
}

function bad(path: string, reason: string): AppError {
  return new AppError('BAD_REQUEST', { path, reason })
}
