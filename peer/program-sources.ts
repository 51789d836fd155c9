/** Makes the files of programs sources of downloads. */
import { isLoopback } from '../common/hosts.ts'
import { limits } from '../common/limits.ts'
import type { Source } from '../common/protocol/messages.ts'
import type { ProgramFiles } from './fetch/program/program-files.ts'
import type { NamedContent } from './find/elsewhere.ts'
import type { Mesh } from './mesh/mesh.ts'
import type { ProgramDesk } from './mesh/program/program-desk.ts'
import type { QueryHit } from './mesh/query/open-query.ts'

interface Parts {
  readonly mesh: Pick<Mesh, 'members'>
  readonly programs: Pick<ProgramDesk, 'has'>
  readonly files: Pick<ProgramFiles, 'hasLied' | 'note'>
}

/** Of one program, a content that is unlisted if it has several chunks. */
type Claim = NamedContent & { readonly sources: [Source] }

/**
 * What programs have, of the hits of a query: a content for each program, because the bytes of several
 * prove nothing before the whole is complete. Those that sent something false come last, and only without
 * others that have the same.
 */
export function programContents(hits: readonly QueryHit[], parts: Parts): NamedContent[] {
  const claims = hits.flatMap((hit) => claimOf(hit, parts) ?? [])
  const hasLied = ({ sources: [source] }: Claim): boolean => parts.files.hasLied(source)
  const honest = claims.filter((claim) => !hasLied(claim))
  const doubtful = claims.filter((claim) => hasLied(claim) && !honest.some(isSameAs(claim)))
  return [...honest, ...doubtful].slice(0, limits.contentsPerNameMax)
}

function isSameAs(one: Claim): (other: Claim) => boolean {
  return ({ sha256, size }) => sha256 === one.sha256 && size === one.size
}

/** Undefined if the hit is not of a program, or it may not be fetched from there. */
function claimOf(
  { name, sha256, size, modifiedMs, peerId, host, port, url }: QueryHit,
  { mesh, programs, files }: Parts,
): Claim | undefined {
  if (url === undefined || size > limits.contentBytesMax) return undefined
  if (!programs.has(peerId, url) && !isMemberHost(host, mesh)) return undefined
  const source: Source = { peerId, host, port, kind: 'program' }
  files.note(source, { url, name, sha256, size })
  const modified = modifiedMs === undefined ? {} : { modifiedMs }
  return { name, sha256, size, chunkRoot: sha256, ...modified, sources: [source] }
}

/**
 * Whether a member has answered at this host: no member can have this peer send requests to a machine of
 * its choice.
 */
function isMemberHost(host: string, mesh: Pick<Mesh, 'members'>): boolean {
  return mesh.members().some(({ record, state, isMet }) => {
    const isSame = record.host === host || (isLoopback(record.host) && isLoopback(host))
    return isMet && state === 'live' && isSame
  })
}
