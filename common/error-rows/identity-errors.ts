/** Errors of identities: certificates, tokens and rights. */
import type { ErrorRow } from './error-row.ts'

export const identityErrors = {
  CERTIFICATE_REQUIRED: {
    when: 'A connection to a process of a secured cluster shows no certificate. The connection is closed.',
    retryable: false,
    status: 403,
    sentence:
      "The cluster is secured, and this process is not a member: join with `--join TOKEN@HOST:PORT`; `tandem token create`, on the machine of the authority or of an admin's peer, makes a token.",
  },
  TLS_REQUIRED: {
    when: 'The other side closed a connection without TLS before it answered (raised by the side that dials).',
    retryable: true,
    status: 503,
    sentence:
      '{address} closed the connection without an answer. If it belongs to a secured cluster, join that first: peers with --join TOKEN@HOST:PORT, commands with `tandem cluster join`, then --identity FOLDER.',
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
    sentence: 'A {role} may not send {request}: this needs {needed}.',
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
    sentence: 'This process does not have the authority of the cluster: ask {where}.',
  },
  AUTHORITY_UNREACHABLE: {
    when: 'The authority of the cluster cannot be reached.',
    retryable: true,
    status: 503,
    sentence:
      'The authority of the cluster, at {address}, cannot be reached: {reason}. Try again when it runs, or run the command on its machine.',
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
      'There is no authority of a cluster in {folder}: run this on the machine of the index, or with --peer on that of the first peer of a mesh, or name its data folder with --data. `tandem cluster init` makes one.',
  },
  JOIN_REFUSED: {
    when: 'A join token is unknown, expired, revoked or used up.',
    retryable: false,
    status: 403,
    sentence:
      "Joining was refused: {reason}. `tandem token create`, on the machine of the authority or of an admin's peer, makes a new token.",
  },
  RENEWED_RECENTLY: {
    when: 'A member asks for a new certificate again within minutes.',
    retryable: true,
    status: 429,
    sentence: "'{id}' has asked for a new certificate already: try again in {retryAfterSeconds} s.",
  },
  JOIN_TOKEN_INVALID: {
    when: 'A text that should be a join token is not one (raised by the process that would join).',
    retryable: false,
    status: 400,
    sentence: 'This is not a join token: one looks like tandem-1-…@HOST:PORT. Copy all of it.',
  },
  AUTHORITY_UNPROVEN: {
    when: 'The process at the address of a join token is not the authority that the token names (raised by the process that would join; nothing secret was sent).',
    retryable: false,
    status: 502,
    sentence:
      'The process at {address} is not the authority that the token names, so the token was not sent: {reason}. Check the address: another machine may be in between.',
  },
  JOIN_TOKEN_UNKNOWN: {
    when: 'There is no join token of this id.',
    retryable: false,
    status: 404,
    sentence: 'There is no token {tokenId}: `tandem token list` shows them.',
  },
  TOO_MANY_TOKENS: {
    when: 'There are too many join tokens with which processes can join.',
    retryable: false,
    status: 409,
    sentence:
      'There are already {max} open join tokens: `tandem token revoke ID` ends one, `tandem token list` shows them.',
  },
  MEMBER_EXISTS: {
    when: 'A process would join with the id of a member that has another key.',
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
    when: 'The process that has the authority would be revoked.',
    retryable: false,
    status: 409,
    sentence:
      "'{id}' has the authority of the cluster and cannot be revoked: `tandem cluster rotate-ca` replaces its key.",
  },
  TOO_MANY_REVOKED: {
    when: 'The list of revoked members is full.',
    retryable: false,
    status: 409,
    sentence:
      'The list of revoked members is full ({max}): `tandem cluster rotate-ca` makes a new authority.',
  },
  CLUSTER_EXISTS: {
    when: 'A cluster would be made in a folder that has the authority of one (command line).',
    retryable: false,
    status: 409,
    sentence:
      '{folder} has the authority of a cluster already: `tandem token create` makes tokens for it.',
  },
  ROTATION_RUNS: {
    when: 'The authority is being replaced already.',
    retryable: false,
    status: 409,
    sentence:
      'The authority is being replaced already: `tandem cluster status` shows who waits, `tandem cluster rotate-ca --finish` goes on without them.',
  },
  NO_ROTATION: {
    when: 'The authority is not being replaced.',
    retryable: false,
    status: 409,
    sentence: 'The authority is not being replaced: `tandem cluster rotate-ca` begins it.',
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
