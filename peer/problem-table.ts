/** THE table of reasons why a file or folder is not shared, with a remedy for each. */
import { limits } from '../common/limits.ts'

interface ProblemRow {
  /** As in "'a.txt' is not shared: {reason}". `{x}` is replaced by the detail `x`. */
  readonly reason: string
  /** The remedy, one sentence. */
  readonly remedy: string
  /** How reports introduce the reason; default: is not shared. */
  readonly effect?: string
}

const rows = {
  // Names
  NAME_BACKSLASH: {
    reason: 'its name has a backslash, which separates folders on Windows',
    remedy: 'Rename it.',
  },
  NAME_CONTROL_CHARACTER: {
    reason: 'its name has a control character, which terminals would execute',
    remedy: 'Rename it.',
  },
  NAME_NOT_UTF8: {
    reason: 'its name is not valid UTF-8',
    remedy: 'Rename it; convmv converts many names of one encoding.',
  },
  NAME_TOO_LONG: {
    reason: `its name, with the folders above it, is longer than ${limits.nameBytesMax} bytes, or a part of it than ${limits.nameSegmentBytesMax}`,
    remedy: 'Shorten the name, or move the file to a higher folder.',
  },
  NAME_NOT_FOR_WINDOWS: {
    reason: 'Windows cannot store its name',
    remedy: 'Rename it.',
  },
  NAME_RESERVED: {
    reason: 'a part of its name is reserved for Tandem',
    remedy: 'Rename it.',
  },
  NAME_TWIN: {
    reason: "it has the same name as '{other}', in another Unicode normal form",
    remedy: 'Rename one of the two.',
  },

  // Type and size
  LINK_LEADS_OUT: {
    reason: 'it is a link that leaves the folder',
    remedy: 'Put the file itself into the folder, or link to something inside it.',
  },
  LINK_BROKEN: {
    reason: 'it is a link to a missing file or folder',
    remedy: 'Remove the link, or restore its target.',
  },
  SPECIAL_FILE: {
    reason: 'it is a {what}, not a file',
    remedy: 'Move it out of the folder.',
  },
  FILE_TOO_LARGE: {
    reason: `it is larger than ${limits.contentBytesMax / 2 ** 40} TiB`,
    remedy: 'Split it, or move it out of the folder.',
  },

  // Errors of the system
  FILE_NOT_READABLE: {
    reason: 'the peer may not read it ({reason})',
    remedy: 'Give the user that runs the peer read access, for example with chmod or chown.',
  },
  FOLDER_NOT_READABLE: {
    reason: 'the peer may not list this folder ({reason})',
    remedy:
      'Give the user that runs the peer access to the folder, for example with chmod or chown.',
  },
  READ_FAILED: {
    reason: 'it cannot be read ({reason})',
    remedy: 'Check the disk: the system log has details. The peer retries automatically.',
  },
  NOT_RECORDED: {
    reason: "the peer's catalog cannot record it ({reason})",
    remedy:
      "Free some space on the disk of the peer's data folder; the peer retries automatically.",
  },
  FOLDER_AWAY: {
    reason: 'the folder {reason}; the entries of its files are kept',
    remedy:
      'Restore the folder; if its files were deleted on purpose, run `tandem deletes confirm`.',
  },
  PATTERNS_NOT_READABLE: {
    reason: 'it cannot be read ({reason})',
    remedy:
      'Make it a readable file of at most 64 KiB. Until then the last patterns that could be read apply; if the peer was restarted since, it shares no new files.',
    effect: 'does not apply',
  },
  DAMAGED: {
    reason: 'it {why}, although it was apparently not written (bad chunks: {bad} of {chunks})',
    remedy:
      'Check the disk, and run `tandem repair` for this file: it fetches the content from other peers and keeps the damaged file. If a program changed the bytes on purpose, touch the file.',
    effect: 'is damaged and not served',
  },
  KEEPS_CHANGING: {
    reason: 'it changes continuously',
    remedy:
      'Nothing to do: it is shared once it has been unchanged for a few times `peer.quietMs`.',
  },
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof rows
export const problemTable: Readonly<Record<ProblemCode, ProblemRow>> = rows
export const problemCodes = Object.keys(rows) as readonly ProblemCode[]

/** What is wrong with one file or folder. */
export interface Fault {
  readonly code: ProblemCode
  /** For the `{x}` of the reason. */
  readonly details?: Readonly<Record<string, string | number>>
}

/**
 * Why it is not shared, or what is wrong with it, without a full stop; a missing detail shows as
 * `?`.
 */
export function faultReason({ code, details = {} }: Fault): string {
  return problemTable[code].reason.replaceAll(/\{(\w+)\}/g, (_, key: string) =>
    String(details[key] ?? '?'),
  )
}

/** How reports and logs introduce the reason; `code` may come from a peer of another version. */
export function faultEffect(code: string): string {
  const row = problemCodes.find((known) => known === code)
  return (row !== undefined && problemTable[row].effect) || 'is not shared'
}

/** The number of problems of each code. */
export type ProblemCounts = ReadonlyMap<ProblemCode, number>

export function totalOf(counts: ProblemCounts): number {
  return counts.values().reduce((sum, count) => sum + count, 0)
}
