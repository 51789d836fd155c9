/** The one table of operating errors: each code, when it happens, and what people are told. */

interface ErrorRow {
  /** When it happens: one sentence, for PROTOCOL.md. */
  readonly when: string
  /** Whether the same request may succeed later without anyone changing anything. */
  readonly retryable: boolean
  /** HTTP status of the peer's API. */
  readonly status: number
  /** What a person is told: what happened and what to do. `{x}` is replaced by the detail `x`. */
  readonly sentence: string
}

const rows = {
  // Protocol
  BAD_FRAME: {
    when: 'A frame is longer than its bound, not UTF-8, not JSON, or not a request, a reply or a cancel. The connection is closed.',
    retryable: false,
    status: 400,
    sentence: 'The other side sent something that is not a tandem/1 frame: {reason}.',
  },
  BAD_REQUEST: {
    when: 'A request does not fit the schema of its type.',
    retryable: false,
    status: 400,
    sentence: 'The request is wrong at {path}: {reason}.',
  },
  BAD_REPLY: {
    when: 'A reply does not fit the schema of its type (raised by the side that asked).',
    retryable: false,
    status: 502,
    sentence: '{address} answered {type} with something else than expected: {reason}.',
  },
  UNKNOWN_TYPE: {
    when: 'The receiver does not know the request type, or does not take it from this role.',
    retryable: false,
    status: 400,
    sentence: 'The other side does not answer requests of type {type}.',
  },
  HELLO_EXPECTED: {
    when: 'The first request on a connection is not hello, or hello comes twice.',
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
    when: 'More requests are in flight on the connection than allowed. The connection is closed.',
    retryable: true,
    status: 429,
    sentence: 'More than {max} requests are in flight.',
  },
  TOO_MANY_CONNECTIONS: {
    when: 'The receiver serves as many connections as it may. The connection is closed.',
    retryable: true,
    status: 503,
    sentence: 'The other side has no free connection (at most {max}).',
  },
  DEADLINE_EXCEEDED: {
    when: 'No answer came in time (raised by the side that waits).',
    retryable: true,
    status: 504,
    sentence: '{what} did not finish within {deadlineMs} ms.',
  },
  CONNECTION_CLOSED: {
    when: 'The connection ended before the answer came (raised by the side that asked).',
    retryable: true,
    status: 503,
    sentence: 'The connection to {address} ended before the answer came.',
  },
  DIAL_FAILED: {
    when: 'No connection could be made (raised by the side that dials).',
    retryable: true,
    status: 503,
    sentence: 'Cannot connect to {address}: {reason}.',
  },
  STOPPING: {
    when: 'The process is shutting down.',
    retryable: true,
    status: 503,
    sentence: 'This process is stopping.',
  },
  INTERNAL: {
    when: 'The receiver failed in a way it does not explain; its log does.',
    retryable: true,
    status: 500,
    sentence: 'Something failed inside; the log of that process has the details.',
  },

  // Registry and index
  NOT_REGISTERED: {
    when: 'A peer-only request comes on a connection whose hello did not register a peer.',
    retryable: true,
    status: 403,
    sentence: 'Only a registered peer may send {type}.',
  },
  PEER_ID_TAKEN: {
    when: 'Another live process uses this peer id. It answered a probe; nothing changed for it.',
    retryable: true,
    status: 409,
    sentence:
      "A peer called '{peerId}' is already connected from {address} and answers: stop it first or, if this peer's data folder is a copy, give the copy an id of its own with --peer ID --data FOLDER.",
  },
  PEER_ID_BOUND: {
    when: 'This peer id belongs to a peer with another secret.',
    retryable: false,
    status: 403,
    sentence:
      "The id '{peerId}' belongs to a peer with another secret. Choose another id (--peer), or bring back that peer's .tandem/identity; if its disk is lost, run `tandem index release {peerId}` on the machine of the index.",
  },
  REGISTRY_FULL: {
    when: 'The index keeps as many peers as it may.',
    retryable: false,
    status: 503,
    sentence: 'The index already knows {max} peers, which is its limit.',
  },
  SEQUENCE_GAP: {
    when: 'An announcement does not continue what the index has seen; the peer must say hello again.',
    retryable: true,
    status: 409,
    sentence: 'The index expected change {expected} and got {got}.',
  },
  INDEX_UNREACHABLE: {
    when: 'The peer has no connection to the index right now (HTTP API and command line).',
    retryable: true,
    status: 503,
    sentence:
      'The index at {address} cannot be reached: start it with `tandem index`, or give the right --index.',
  },
  NAME_NOT_FOUND: {
    when: 'No peer has announced a file of this name.',
    retryable: false,
    status: 404,
    sentence:
      "Nobody shares a file called '{name}'. `tandem search` finds names by a part of them.",
  },
  NO_MATCH: {
    when: 'No peer has announced a file that the pattern matches, or that is in this folder.',
    retryable: false,
    status: 404,
    sentence: "Nobody shares a file that '{pattern}' matches. `tandem search` shows what there is.",
  },
  FILES_FAILED: {
    when: 'Some of the files of a download could not be had; the others are there (HTTP API and command line).',
    retryable: true,
    status: 502,
    sentence:
      "{failed} of the {files} files that '{pattern}' matches could not be downloaded; the same command goes on with them.",
  },
  UNSHARE_INCOMPLETE: {
    when: 'Some of the files that a pattern matches could not be unshared (command line).',
    retryable: true,
    status: 502,
    sentence: "{failed} of the {files} files that '{pattern}' matches could not be unshared.",
  },
  CONTENT_NOT_FOUND: {
    when: 'The receiver does not know, or no longer has, this content.',
    retryable: false,
    status: 404,
    sentence: 'There is no content with the SHA-256 {sha256}.',
  },
  CONTENT_REPLACED: {
    when: 'The content that a download was getting is not shared under its name any more; another one is.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' has other content by now, and nobody has what was being downloaded: download it again.",
  },
  NOT_OWNER: {
    when: 'A file is unshared by its owner; another peer must force it.',
    retryable: false,
    status: 403,
    sentence:
      "'{name}' belongs to {owner}, which is {state}: run unshare there, or add --force to take it out from here.",
  },

  // Names, files, disks
  NAME_INVALID: {
    when: 'A name is absolute, leaves its folder, is too long, or has characters no file system takes.',
    retryable: false,
    status: 400,
    sentence: "'{name}' cannot be used as a name: {reason}.",
  },
  NAME_BLOCKED: {
    when: 'A file cannot be put under its name: a folder of that name is in the way, or a file where its folder would be.',
    retryable: false,
    status: 409,
    sentence: "'{name}' cannot be put there: {reason}.",
  },
  NAME_UNSUPPORTED: {
    when: 'The file system of a peer cannot hold a file of this name: a character or the length is not allowed there.',
    retryable: false,
    status: 409,
    sentence: "The disk of this peer cannot hold the name '{name}': {reason} for '{path}'.",
  },
  PEER_ID_INVALID: {
    when: 'A peer id has other characters than letters, digits, dot, dash and underscore.',
    retryable: false,
    status: 400,
    sentence:
      "'{peerId}' cannot be used as a peer id: use 1 to 64 letters, digits, '.', '-' or '_', beginning with a letter or digit.",
  },
  NO_SOURCE: {
    when: 'A content is known but none of the peers that have it could be reached and send it.',
    retryable: true,
    status: 503,
    sentence: "No peer could send '{name}' now. Tried: {tried}.",
  },
  SOURCE_FAILED: {
    when: 'A source broke off or answered with an error (raised by the side that fetches).',
    retryable: true,
    status: 502,
    sentence: '{source} could not send {what}: {reason}.',
  },
  SOURCE_SLOW: {
    when: 'A copy came at less than 50 kB/s while others waited for the same peers. It goes on later, or with other peers.',
    retryable: true,
    status: 504,
    sentence: 'The source sent too little while other copies waited.',
  },
  HASH_MISMATCH: {
    when: 'Bytes from a source do not have the hash they should have (raised by the side that fetches).',
    retryable: true,
    status: 502,
    sentence: '{source} sent wrong bytes for {what}; they were thrown away.',
  },
  CONTENT_CHANGED: {
    when: 'The file changed on the disk of the source since it was announced.',
    retryable: true,
    status: 409,
    sentence: "'{name}' was changed while it was being read; its new version will be announced.",
  },
  CHUNK_MISSING: {
    when: 'The receiver is downloading the content itself and does not have this part of it yet.',
    retryable: true,
    status: 409,
    sentence: 'This peer is still downloading that content and lacks what was asked for.',
  },
  BUSY: {
    when: 'Too many requests are queued, or there was no memory for this one in time.',
    retryable: true,
    status: 503,
    sentence: 'This peer is busy: ask it again soon, or ask another.',
  },
  CHUNK_OUT_OF_RANGE: {
    when: 'A read asks for chunks that the content does not have.',
    retryable: false,
    status: 400,
    sentence: 'The content has {chunks} chunks; chunk {chunk} was asked for.',
  },
  FILE_NOT_FOUND: {
    when: 'A file on the local disk does not exist.',
    retryable: false,
    status: 404,
    sentence: "There is no file '{path}'.",
  },
  NOT_SHARED: {
    when: 'No peer shares a file of this name.',
    retryable: false,
    status: 404,
    sentence: "No peer shares a file called '{name}'. A folder ends with a slash: '{name}/'.",
  },
  NAME_EXISTS: {
    when: 'A push would overwrite a shared file of the same name and other content.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' is already in shared/ with other content: choose another --name, or give --replace.",
  },
  FILE_EXISTS: {
    when: 'A download without a peer would overwrite a file of other content (command line).',
    retryable: false,
    status: 409,
    sentence: "'{path}' is there already with other content: choose another -o, or give --replace.",
  },
  DISK_FULL: {
    when: 'The disk has too little room for a content.',
    retryable: true,
    status: 507,
    sentence:
      'The disk of {path} is full: {neededBytes} bytes are needed. Free some space and try again.',
  },
  DISK_FAILED: {
    when: 'The operating system refused to read or write a file.',
    retryable: true,
    status: 500,
    sentence: "Cannot {action} '{path}': {reason}.",
  },
  FOLDER_UNAVAILABLE: {
    when: 'A folder of the peer is missing, cannot be read, or is another one than before: nothing is written into it.',
    retryable: true,
    status: 503,
    sentence:
      "The folder '{folder}' of this peer {reason}. Bring it back; if its files were deleted on purpose, run `tandem deletes confirm`.",
  },
  TOO_LARGE: {
    when: 'Something is larger than its bound.',
    retryable: false,
    status: 413,
    sentence: '{what} is larger than {max} {unit}.',
  },
  TASK_REFUSED: {
    when: 'A peer does not take a task now: its queue is full, it lacks space, or it is stopping.',
    retryable: true,
    status: 503,
    sentence: 'The peer does not take the task: {reason}.',
  },
  STILL_NEEDED: {
    when: 'A peer was to remove a replicated copy, and the index does not confirm that it may: what replaced it lacks copies, or it is wanted again.',
    retryable: true,
    status: 409,
    sentence: "The copy of '{name}' stays: the index does not confirm that it may be removed.",
  },
  COPIES_PENDING: {
    when: 'push --wait gave up before the file had all its copies; the file is shared and the index goes on.',
    retryable: true,
    status: 504,
    sentence:
      "'{name}' is shared but has {copies} of {factor} copies after {deadlineMs} ms; `tandem why` says what is missing.",
  },
  TOO_MANY_DOWNLOADS: {
    when: 'As many downloads are waiting or running as a peer takes.',
    retryable: true,
    status: 429,
    sentence: 'There are already {max} downloads waiting or running.',
  },
  DOWNLOAD_NOT_FOUND: {
    when: 'The peer knows no download of this id (any more).',
    retryable: false,
    status: 404,
    sentence: 'There is no download {id}.',
  },
  PAUSED: {
    when: 'Somebody paused the download; what it has is kept.',
    retryable: true,
    status: 409,
    sentence: "The download of '{name}' is paused; `tandem resume {id}` lets it go on.",
  },
  CANCELLED: {
    when: 'Somebody cancelled it.',
    retryable: false,
    status: 409,
    sentence: '{what} was cancelled.',
  },
  INTERRUPTED: {
    when: 'A command was interrupted with Ctrl-C, SIGTERM or SIGHUP (command line).',
    retryable: true,
    status: 409,
    sentence: '{what} was interrupted: {hint}.',
  },

  // Starting and talking to a process
  SETTING_INVALID: {
    when: 'A setting has a wrong key or value; the process does not start.',
    retryable: false,
    status: 500,
    sentence: '{origin}: {path} {reason}.',
  },
  ADDRESS_IN_USE: {
    when: 'Another process listens on the address; the process does not start.',
    retryable: false,
    status: 500,
    sentence: '{address} is in use by another process: stop it or give another {flag}.',
  },
  DATA_IN_USE: {
    when: 'Another process uses the data folder; the process does not start.',
    retryable: false,
    status: 500,
    sentence: 'Another process uses the folder {path}: stop it or give another --data.',
  },
  DATABASE_UNUSABLE: {
    when: 'A database is damaged or was written by a newer version; the process does not start.',
    retryable: false,
    status: 500,
    sentence: 'The database {path} cannot be used: {reason}.',
  },
  PEER_UNREACHABLE: {
    when: 'The command line finds no running peer at the address.',
    retryable: true,
    status: 503,
    sentence:
      'No peer answers at {address}: start one with `tandem peer --peer {peerId}`, or choose another with --peer or --api.',
  },
  HOST_REFUSED: {
    when: 'An HTTP server is called under a host name that is not known to be its own.',
    retryable: false,
    status: 421,
    sentence:
      "This server does not answer to the host name '{host}': call it by localhost or an IP address, or start it with --allowed-hosts NAME.",
  },
  ORIGIN_REFUSED: {
    when: 'A web page of another origin tries to change something through the HTTP API.',
    retryable: false,
    status: 403,
    sentence: 'Pages of {origin} may not change anything through this API.',
  },
  ROUTE_NOT_FOUND: {
    when: 'The HTTP API has nothing at this address.',
    retryable: false,
    status: 404,
    sentence: 'The HTTP API has no {method} {path}: GET /api/openapi.json lists what it has.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof rows
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = rows
