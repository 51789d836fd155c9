/** Errors of starting a process and of talking to it. */
import type { ErrorRow } from './error-row.ts'

export const processErrors = {
  DATA_OF_OTHER_PEER: {
    when: 'A peer was started on a data folder that belongs to another peer id.',
    retryable: false,
    status: 500,
    sentence:
      "The data folder '{data}' belongs to {owner}, not to {peerId}. To continue as {owner}, pass --peer {owner}, or no id; for a new peer, pass another folder with --data. To rename the peer, start it once with --adopt, then run `tandem peers forget {owner}`: until then its files count as those of a lost peer.",
  },
  SETTING_INVALID: {
    when: 'A setting has an unknown key or an invalid value; the process does not start.',
    retryable: false,
    status: 500,
    sentence: '{origin}: {path} {reason}.',
  },
  EXPOSED: {
    when: 'A process would listen where other machines reach it, and has no identity; it does not start.',
    retryable: false,
    status: 500,
    sentence:
      'This process would listen on {host} ({flag}), where every machine that reaches it could read, change and delete files. {remedy}, or accept this with --insecure.',
  },
  ADDRESS_IN_USE: {
    when: 'Another process listens on the address; the process does not start.',
    retryable: false,
    status: 500,
    sentence: '{address} is in use by another process: stop that process or pass another {flag}.',
  },
  DATA_IN_USE: {
    when: 'Another process uses the data folder; the process does not start.',
    retryable: false,
    status: 500,
    sentence: 'Another process uses the folder {path}: stop that process or pass another --data.',
  },
  DATABASE_UNUSABLE: {
    when: 'A database is damaged or was written by a newer version; the process does not start.',
    retryable: false,
    status: 500,
    sentence:
      'The database {path} cannot be used: {reason}. Use the version of Tandem that wrote it, or restore a backup.',
  },
  PEER_UNREACHABLE: {
    when: 'No running peer answers at the address (command line).',
    retryable: true,
    status: 503,
    sentence:
      'No peer answers at {address}: start one with `tandem peer --peer {peerId}`, or choose another with --peer or --api.',
  },
  TOKEN_REQUIRED: {
    when: "A request without the peer's token arrived at an address that other machines can reach.",
    retryable: false,
    status: 401,
    sentence:
      'This peer requires its token: `tandem token` prints it on the machine of the peer. Commands read it from --token-file FILE; other programs send it as `Authorization: Bearer TOKEN`.',
  },
  TOKEN_WRONG: {
    when: "A request had a token that is not the peer's.",
    retryable: false,
    status: 401,
    sentence:
      'This is not the token of this peer: `tandem token` prints it on the machine of the peer.',
  },
  TOO_MANY_ATTEMPTS: {
    when: 'Too many wrong tokens were sent from one address.',
    retryable: true,
    status: 429,
    sentence:
      'Too many wrong tokens were sent from this address: try again in {retryAfterSeconds} s.',
  },
  TOO_MANY_CALLS: {
    when: 'One address sent more HTTP requests than allowed in ten seconds.',
    retryable: true,
    status: 429,
    sentence: 'Too many requests came from this address: try again in {retryAfterSeconds} s.',
  },
  TOKEN_UNUSABLE: {
    when: 'The file of the token is missing, invalid, or can be read by other users; no token is accepted.',
    retryable: true,
    status: 503,
    sentence:
      "The token file '{path}' cannot be used: {reason}. `tandem token --new` replaces the token.",
  },
  HOST_REFUSED: {
    when: 'A request to an HTTP server names an unknown host.',
    retryable: false,
    status: 421,
    sentence:
      "This server does not accept the host name '{host}': use localhost or an IP address, or add the name to its setting allowedHosts (--allowed-hosts NAME).",
  },
  HTTPS_REQUIRED: {
    when: 'A program sent plain HTTP to a server that speaks HTTPS.',
    retryable: false,
    status: 400,
    sentence: 'This server speaks HTTPS: use an address that begins with https://.',
  },
  SERVER_UNPROVEN: {
    when: 'An HTTPS server has no trusted certificate, or that of another server (command line).',
    retryable: false,
    status: 502,
    sentence:
      'The server at {address} has not proven that it is {expected}: {reason}. Nothing was sent to it. Pass --ca FILE with the certificate of the authority to trust, and --peer ID for the peer that must answer.',
  },
  ORIGIN_REFUSED: {
    when: 'A web page from another origin sent a request that would change something.',
    retryable: false,
    status: 403,
    sentence: "Web pages from {origin} may not change anything here: use the peer's own address.",
  },
  UNHEALTHY: {
    when: 'A process did not confirm that it is alive (command line).',
    retryable: true,
    status: 503,
    sentence: '{process} is not alive: {reason}.',
  },
  NOT_READY: {
    when: 'A process cannot do all its work now, such as while it starts (GET /readyz).',
    retryable: true,
    status: 503,
    sentence: 'This process is not ready: {reason}.',
  },
  ROUTE_NOT_FOUND: {
    when: 'An HTTP server has no such route.',
    retryable: false,
    status: 404,
    sentence: 'This server has no {method} {path}: {hint}.',
  },
} as const satisfies Record<string, ErrorRow>
