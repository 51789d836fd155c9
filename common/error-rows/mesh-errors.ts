/** Errors of the mesh. */
import type { ErrorRow } from './error-row.ts'

export const meshErrors = {
  NO_MESH: {
    when: 'A member of a mesh asked a peer that takes part in none.',
    retryable: false,
    status: 409,
    sentence: 'That peer takes part in no mesh: start it with --mesh.',
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
} as const satisfies Record<string, ErrorRow>
