/** Errors of the mesh. */
import type { ErrorRow } from './error-row.ts'

export const meshErrors = {
  NO_MESH: {
    when: 'A member of a mesh sent a request to a peer that is not in a mesh.',
    retryable: false,
    status: 409,
    sentence: 'That peer is not in a mesh: start it with --mesh.',
  },
  INDEX_ACTS: {
    when: 'A member of a mesh sent tasks to a peer whose index is available.',
    retryable: true,
    status: 409,
    sentence:
      'The index of the cluster is available: only it may request that files be copied, removed or restored.',
  },
  NOT_IN_MESH: {
    when: 'A peer that was started without --mesh was asked to join a mesh.',
    retryable: false,
    status: 409,
    sentence: 'This peer is not in a mesh: start it with --mesh.',
  },
  JOIN_SELF: {
    when: 'The address of the peer to join is that of the peer itself.',
    retryable: false,
    status: 400,
    sentence: '{address} is this peer itself: give the address of another peer of the mesh.',
  },
  QUERY_NOT_FOUND: {
    when: 'A query of the mesh is unknown here, or ended more than a minute ago.',
    retryable: false,
    status: 404,
    sentence: 'There is no query {queryId}: queries are kept for a minute after they end.',
  },
  PROGRAM_UNKNOWN: {
    when: 'A request came from a program that has not joined, or was silent for a minute.',
    retryable: false,
    status: 404,
    sentence: 'The program {program} has not joined, or was silent for a minute: join again.',
  },
  PROGRAM_ID_TAKEN: {
    when: 'Another program, at another address, joined with this id and is not silent.',
    retryable: true,
    status: 409,
    sentence: "Another program uses the id '{peerId}': choose another one.",
  },
  PROGRAMS_FULL: {
    when: 'The peer has reached its limit of programs that take part in the mesh through it.',
    retryable: true,
    status: 503,
    sentence: '{count} programs already take part through this peer: join through another one.',
  },
  PROGRAM_FILES_FULL: {
    when: 'A program announces more files than a peer stores.',
    retryable: false,
    status: 413,
    sentence: 'A peer stores at most {count} files of a program: answer queries instead.',
  },
} as const satisfies Record<string, ErrorRow>
