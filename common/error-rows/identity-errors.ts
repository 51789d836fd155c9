/** Errors of identities: certificates, tokens and rights. */
import type { ErrorRow } from './error-row.ts'

export const identityErrors = {
  CERTIFICATE_REQUIRED: {
    when: 'A connection to a process of a secured cluster shows no certificate. The connection is closed.',
    retryable: false,
    status: 403,
    sentence:
      "The cluster is secured, and this process is not a member: join with `--join TOKEN@HOST:PORT`. To make a token, run `tandem token create` on the machine of the authority or of an admin's peer.",
  },
  TLS_REQUIRED: {
    when: 'The other side closed a connection without TLS before it answered (raised by the dialer).',
    retryable: true,
    status: 503,
    sentence:
      '{address} closed the connection without an answer. If it belongs to a secured cluster, join that cluster first: peers with --join TOKEN@HOST:PORT; commands with `tandem cluster join`, then --identity FOLDER.',
  },
  CERTIFICATE_REFUSED: {
    when: 'The certificate of the other side is of another cluster, expired, revoked, or not for this id. The connection is closed.',
    retryable: false,
    status: 403,
    sentence: 'The certificate was refused: {reason}.',
  },
  FORBIDDEN: {
    when: 'The role of the sender does not allow the request.',
    retryable: false,
    status: 403,
    sentence: 'A {role} may not send {request}: that requires {needed}.',
  },
  NOT_IN_CLUSTER: {
    when: 'A request that only members of a secured cluster send reached a process without an identity.',
    retryable: false,
    status: 409,
    sentence: 'This process has no identity: `tandem cluster init` secures a cluster.',
  },
  NOT_AUTHORITY: {
    when: 'A request for the authority of the cluster reached another process.',
    retryable: false,
    status: 409,
    sentence: 'This process is not the authority of the cluster: ask {where}.',
  },
  AUTHORITY_UNREACHABLE: {
    when: 'The authority of the cluster cannot be reached.',
    retryable: true,
    status: 503,
    sentence:
      'The authority of the cluster, at {address}, cannot be reached: {reason}. Try again when it is running, or run the command on its machine.',
  },
  NO_IDENTITY: {
    when: 'A folder that should hold an identity has none (command line).',
    retryable: false,
    status: 404,
    sentence:
      'There is no identity in {folder}: join first, with `tandem cluster join TOKEN --id NAME --identity {folder}`.',
  },
  NO_AUTHORITY_HERE: {
    when: 'A command that needs the authority of the cluster runs on another machine (command line).',
    retryable: false,
    status: 404,
    sentence:
      'There is no authority in {folder}: run this on the machine of the index or, with --peer, on that of the first peer of a mesh, or pass the data folder with --data. `tandem cluster init` creates an authority.',
  },
  JOIN_REFUSED: {
    when: 'A join token is unknown, expired, revoked or used up.',
    retryable: false,
    status: 403,
    sentence:
      "Joining was refused: {reason}. To make a new token, run `tandem token create` on the machine of the authority or of an admin's peer.",
  },
  RENEWED_RECENTLY: {
    when: 'A member requests another certificate within minutes.',
    retryable: true,
    status: 429,
    sentence: "'{id}' requested a new certificate recently: try again in {retryAfterSeconds} s.",
  },
  JOIN_TOKEN_INVALID: {
    when: 'A text that should be a join token is not one (raised by the joining process).',
    retryable: false,
    status: 400,
    sentence: 'This is not a complete join token: tokens look like tandem-1-…@HOST:PORT.',
  },
  AUTHORITY_UNPROVEN: {
    when: 'The process at the address of a join token is not the authority that the token names (raised by the joining process; no secret was sent).',
    retryable: false,
    status: 502,
    sentence:
      'The process at {address} is not the authority that the token names, so the token was not sent: {reason}. Check the address: another machine may be intercepting the connection.',
  },
  JOIN_TOKEN_UNKNOWN: {
    when: 'There is no join token of this id.',
    retryable: false,
    status: 404,
    sentence: 'There is no token {tokenId}: `tandem token list` shows them.',
  },
  TOO_MANY_TOKENS: {
    when: 'There are too many open join tokens.',
    retryable: false,
    status: 409,
    sentence:
      'There are already {max} open join tokens: revoke one with `tandem token revoke ID`; `tandem token list` shows them.',
  },
  MEMBER_EXISTS: {
    when: 'A process tried to join with the id of a member that has another key.',
    retryable: false,
    status: 409,
    sentence:
      "The id '{id}' belongs to another key. Choose another id, or restore the folder .tandem/cluster of its data folder; if its disk is lost, run `tandem cluster revoke {id}` on the machine of the authority, and join again.",
  },
  MEMBER_UNKNOWN: {
    when: 'The cluster has no member of this id.',
    retryable: false,
    status: 404,
    sentence: "The cluster has no member '{id}': `tandem cluster status` lists them.",
  },
  MEMBER_IS_AUTHORITY: {
    when: 'A request would revoke the authority itself.',
    retryable: false,
    status: 409,
    sentence:
      "'{id}' is the authority of the cluster and cannot be revoked: `tandem cluster rotate-ca` replaces its key.",
  },
  TOO_MANY_REVOKED: {
    when: 'The list of revoked members is full.',
    retryable: false,
    status: 409,
    sentence:
      'The list of revoked members is full ({max}): `tandem cluster rotate-ca` replaces the key of the authority.',
  },
  CLUSTER_EXISTS: {
    when: 'A cluster would be created in a folder that already holds an authority (command line).',
    retryable: false,
    status: 409,
    sentence:
      '{folder} already holds the authority of a cluster: `tandem token create` makes tokens for it.',
  },
  ROTATION_RUNS: {
    when: "The authority's key is already being replaced.",
    retryable: false,
    status: 409,
    sentence:
      "The authority's key is already being replaced: `tandem cluster status` shows which members still lack a new certificate; `tandem cluster rotate-ca --finish` does not wait for them.",
  },
  NO_ROTATION: {
    when: "The authority's key is not being replaced.",
    retryable: false,
    status: 409,
    sentence: "The authority's key is not being replaced: `tandem cluster rotate-ca` starts that.",
  },
  TRUST_REFUSED: {
    when: 'A trust document is not signed by an authority of the cluster.',
    retryable: false,
    status: 403,
    sentence: 'The trust document is not signed by an authority of this cluster.',
  },
  IDENTITY_UNUSABLE: {
    when: 'The identity of a process cannot be used; the process does not start.',
    retryable: false,
    status: 500,
    sentence:
      'The identity in {folder} cannot be used: {reason}. Restore it from a backup, or remove the folder and join again.',
  },
} as const satisfies Record<string, ErrorRow>
