/** Errors of connections, requests and replies. */
import type { ErrorRow } from './error-row.ts'

export const protocolErrors = {
  BAD_FRAME: {
    when: 'A frame is longer than its bound, not UTF-8, not JSON, or not a request, a reply or a cancel. The connection is closed.',
    retryable: false,
    status: 400,
    sentence: 'The other side does not speak tandem/1: {reason}. Check the address and port.',
  },
  BAD_REQUEST: {
    when: 'A request does not match the schema of its type.',
    retryable: false,
    status: 400,
    sentence: 'The request is invalid at {path}: {reason}.',
  },
  BAD_REPLY: {
    when: 'A reply does not match the schema of its type (raised by the requester).',
    retryable: false,
    status: 502,
    sentence: '{address} sent an invalid reply to {request}: {reason}.',
  },
  UNKNOWN_TYPE: {
    when: 'The receiver does not know the request type, or does not accept it from this role.',
    retryable: false,
    status: 400,
    sentence:
      'The other side does not know {request}: use the same version of Tandem on both sides.',
  },
  HELLO_EXPECTED: {
    when: 'The first request on a connection is not hello, or hello is sent twice.',
    retryable: false,
    status: 400,
    sentence: 'The connection must begin with exactly one hello.',
  },
  VERSION_MISMATCH: {
    when: 'The two sides have no protocol version in common.',
    retryable: false,
    status: 426,
    sentence: 'The other side speaks {theirs}, this one {ours}: use the same version of Tandem.',
  },
  TOO_MANY_REQUESTS: {
    when: 'The connection has more requests in flight than allowed. The connection is closed.',
    retryable: true,
    status: 429,
    sentence: 'More than {max} requests are in flight: wait for replies before sending more.',
  },
  TOO_MANY_CONNECTIONS: {
    when: 'The receiver has reached its connection limit. The connection is closed.',
    retryable: true,
    status: 503,
    sentence: 'The other side already serves its maximum of {max} connections: try again later.',
  },
  DEADLINE_EXCEEDED: {
    when: 'No reply arrived in time (raised by the requester).',
    retryable: true,
    status: 504,
    sentence: '{what} did not finish within {deadlineMs} ms.',
  },
  CONNECTION_CLOSED: {
    when: 'The connection ended before the reply arrived (raised by the requester).',
    retryable: true,
    status: 503,
    sentence: 'The connection to {address} ended before the reply arrived: try again.',
  },
  DIAL_FAILED: {
    when: 'Connecting failed (raised by the side that dials).',
    retryable: true,
    status: 503,
    sentence: 'Cannot connect to {address}: {reason}.',
  },
  STOPPING: {
    when: 'The process is shutting down.',
    retryable: true,
    status: 503,
    sentence: 'This process is stopping: try again when it has restarted.',
  },
  INTERNAL: {
    when: 'An unexpected error occurred at the receiver; its log has the details.',
    retryable: true,
    status: 500,
    sentence: 'An unexpected error occurred; the log of that process has the details.',
  },
} as const satisfies Record<string, ErrorRow>
