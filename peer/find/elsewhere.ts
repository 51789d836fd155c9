import { isUnlisted } from '../../common/content/chunks.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'

/** A content, and a name of it. */
export type NamedContent = FoundContent & { readonly name: string }

export interface FoundElsewhere {
  /** Whether the index knows more now. */
  readonly isKnown: boolean
  /** What only programs have, which no index knows; the one to take first in front. */
  readonly ofPrograms: readonly NamedContent[]
}

/** Finds what the index does not know. */
export interface Elsewhere {
  find(
    what: { name?: string; sha256?: string; search?: string },
    signal?: AbortSignal,
  ): Promise<FoundElsewhere>
}

export const foundNowhere: FoundElsewhere = { isKnown: false, ofPrograms: [] }

/** What the index knows, and what programs have: as sources of the same content, or as other claims after it. */
export function withPrograms(
  known: readonly FoundContent[],
  ofPrograms: readonly NamedContent[],
): FoundContent[] {
  const all = [...known]
  for (const { name: _, ...content } of ofPrograms) {
    const at = all.findIndex((one) => isSameClaim(one, content))
    const same = all[at]
    if (same === undefined || isUnlisted(content)) all.push(content)
    else all[at] = { ...same, sources: [...same.sources, ...content.sources] }
  }
  return all
}

function isSameClaim(one: FoundContent, other: FoundContent): boolean {
  const { sha256, size, chunkRoot } = one
  return other.sha256 === sha256 && other.size === size && other.chunkRoot === chunkRoot
}
