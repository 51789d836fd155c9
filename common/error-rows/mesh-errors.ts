/** Errors of the mesh. */
import type { ErrorRow } from './error-row.ts'

export const meshErrors = {
  NO_MESH: {
    when: 'A member of a mesh asked a peer that takes part in none.',
    retryable: false,
    status: 409,
    sentence: 'That peer takes part in no mesh: start it with --mesh.',
  },
  INDEX_ACTS: {
    when: 'A member of a mesh gave tasks to a peer of which the cluster has an index that is not away.',
    retryable: true,
    status: 409,
    sentence: 'The index of the cluster is there: only it has files copied, removed and restored.',
  },
  NOT_IN_MESH: {
    when: 'A peer that takes part in no mesh was asked to join one.',
    retryable: false,
    status: 409,
    sentence: 'This peer takes part in no mesh: start it with --mesh.',
  },
  JOIN_SELF: {
    when: 'The address of a mesh to join is that of the peer itself.',
    retryable: false,
    status: 400,
    sentence: '{address} is this peer itself: give the address of another peer of the mesh.',
  },
  QUERY_NOT_FOUND: {
    when: 'A query of the mesh is unknown here, or was over long ago.',
    retryable: false,
    status: 404,
    sentence: 'There is no query {queryId}; it may have been over for a minute.',
  },
  PROGRAM_UNKNOWN: {
    when: 'A program that has not joined, or was silent for a minute, takes part in the mesh.',
    retryable: false,
    status: 404,
    sentence: 'The program {program} has not joined, or was silent for a minute: join again.',
  },
  PROGRAM_ID_TAKEN: {
    when: 'Another program, at another address, joined with this id and is not silent.',
    retryable: true,
    status: 409,
    sentence: "Another program called '{peerId}' takes part: choose another id.",
  },
  PROGRAMS_FULL: {
    when: 'As many programs as possible take part in the mesh through this peer.',
    retryable: true,
    status: 503,
    sentence: '{count} programs take part through this peer: join through another one.',
  },
  PROGRAM_FILES_FULL: {
    when: 'A program tells more files than a peer remembers.',
    retryable: false,
    status: 413,
    sentence: 'A peer remembers {count} files of a program: answer queries instead.',
  },
} as const satisfies Record<string, ErrorRow>
