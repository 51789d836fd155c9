import { chunkCountFor } from '../common/content/chunks.ts'
import { AppError } from '../common/errors.ts'
import { isPeerId, nameProblem } from '../common/ids.ts'
import type { Change, Content, RequestOf } from '../common/protocol/messages.ts'

/** The SHA-256 of no bytes. */
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * Refuses an announcement with an entry that no honest peer sends; none of it is applied.
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
  if (change.op === 'remove') return removalProblem(change)
  if ((change.owner !== undefined) !== (change.kind === 'replicated'))
    return { field: 'owner', reason: 'must be present if and only if the copy is replicated' }
  if (change.owner !== undefined && !isPeerId(change.owner))
    return { field: 'owner', reason: 'is not a peer id' }
  const { version } = change
  if (version !== undefined && change.kind !== 'replicated')
    return { field: 'version', reason: 'is allowed for replicated copies only' }
  if (version !== undefined && change.op === 'put' && version !== change.sha256)
    return { field: 'version', reason: 'must equal sha256' }
  return change.op === 'put' ? contentProblem(change) : undefined
}

function removalProblem({
  name,
  reason,
  renamedTo,
}: Extract<Change, { op: 'remove' }>): Problem | undefined {
  if ((renamedTo !== undefined) !== (reason === 'renamed'))
    return { field: 'renamedTo', reason: 'must be present if and only if the file was renamed' }
  const problem = renamedTo === undefined ? undefined : nameProblem(renamedTo)
  if (problem !== undefined) return { field: 'renamedTo', reason: problem }
  return renamedTo === name ? { field: 'renamedTo', reason: 'must differ from name' } : undefined
}

/** The false claims that can be detected without the bytes; docs/decisions/0004 has the rest. */
function contentProblem({ sha256, size, chunkRoot }: Content): Problem | undefined {
  if (chunkCountFor(size) === 1 && chunkRoot !== sha256)
    return { field: 'chunkRoot', reason: 'must equal sha256 for a single-chunk content' }
  if ((size === 0) !== (sha256 === emptySha256))
    return { field: 'size', reason: 'does not match sha256' }
  return undefined
}

function bad(path: string, reason: string): AppError {
  return new AppError('BAD_REQUEST', { path, reason })
}
