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
    sentence: 'The other side does not speak tandem/1: {reason}. Check the address and port.',
  },
  BAD_REQUEST: {
    when: 'A request does not fit the schema of its type.',
    retryable: false,
    status: 400,
    sentence: 'The request is invalid at {path}: {reason}.',
  },
  BAD_REPLY: {
    when: 'A reply does not fit the schema of its type (raised by the side that asked).',
    retryable: false,
    status: 502,
    sentence: '{address} sent an invalid reply to {type}: {reason}.',
  },
  UNKNOWN_TYPE: {
    when: 'The receiver does not know the request type, or does not take it from this role.',
    retryable: false,
    status: 400,
    sentence: 'The other side does not know {type}: use the same version of Tandem on both.',
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
    sentence: 'More than {max} requests are in flight: wait for replies before sending more.',
  },
  TOO_MANY_CONNECTIONS: {
    when: 'The receiver serves as many connections as it may. The connection is closed.',
    retryable: true,
    status: 503,
    sentence: 'The other side already serves its maximum of {max} connections: try again later.',
  },
  DEADLINE_EXCEEDED: {
    when: 'No reply arrived in time (raised by the side that waits).',
    retryable: true,
    status: 504,
    sentence: '{what} did not finish within {deadlineMs} ms.',
  },
  CONNECTION_CLOSED: {
    when: 'The connection ended before the reply arrived (raised by the side that asked).',
    retryable: true,
    status: 503,
    sentence: 'The connection to {address} ended before the reply arrived: try again.',
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
    sentence: 'This process is stopping: try again when it has restarted.',
  },
  INTERNAL: {
    when: 'An unexpected error occurred at the receiver; its log has the details.',
    retryable: true,
    status: 500,
    sentence: 'An unexpected error occurred; the log of that process has the details.',
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
    sentence: 'The index already knows its maximum of {max} peers: use another index.',
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
      "No peer shares a file called '{name}'. `tandem search` finds names by a part of them.",
  },
  NO_MATCH: {
    when: 'No peer has announced a file that the pattern matches, or that is in this folder.',
    retryable: false,
    status: 404,
    sentence:
      "No shared file matches '{pattern}'. `tandem search` lists the names that are shared.",
  },
  FILES_FAILED: {
    when: 'Some of the files of a download failed; the others are complete (HTTP API and command line).',
    retryable: true,
    status: 502,
    sentence:
      "{failed} of the {files} files that '{pattern}' matches could not be downloaded: run the same command again to retry them.",
  },
  UNSHARE_INCOMPLETE: {
    when: 'Some of the files that a pattern matches could not be unshared (command line).',
    retryable: true,
    status: 502,
    sentence:
      "{failed} of the {files} files that '{pattern}' matches could not be unshared: run the same command again to retry them.",
  },
  CONTENT_NOT_FOUND: {
    when: 'The receiver does not know, or no longer has, this content.',
    retryable: false,
    status: 404,
    sentence: 'There is no content with the SHA-256 {sha256}.',
  },
  CONTENT_REPLACED: {
    when: 'A file was replaced while it was downloaded, and no peer has its old content any more.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' was replaced during the download, and no peer has the old content any more: download it again.",
  },
  NOT_OWNER: {
    when: 'A file is unshared by its owner; another peer must force it.',
    retryable: false,
    status: 403,
    sentence:
      "'{name}' belongs to {owner}, which is {state}: run unshare there, or add --force to unshare it from here.",
  },

  // Names, files, disks
  NAME_INVALID: {
    when: 'A name is absolute, leaves its folder, is too long, or has characters no file system takes.',
    retryable: false,
    status: 400,
    sentence: "'{name}' cannot be used as a name: {reason}.",
  },
  NAME_BLOCKED: {
    when: 'A file cannot be stored under its name: a folder of that name exists, or a file where its folder would be.',
    retryable: false,
    status: 409,
    sentence: "'{name}' cannot be stored: {reason}. Rename or move one of the two.",
  },
  NAME_UNSUPPORTED: {
    when: 'The file system of a peer cannot hold a file of this name: a character or the length is not allowed there.',
    retryable: false,
    status: 409,
    sentence: "This disk cannot store the name '{name}': {reason} for '{path}'. Rename the file.",
  },
  PEER_ID_INVALID: {
    when: 'A peer id has other characters than letters, digits, dot, dash and underscore.',
    retryable: false,
    status: 400,
    sentence:
      "'{peerId}' cannot be used as a peer id: use 1 to 64 letters, digits, '.', '-' or '_', beginning with a letter or digit.",
  },
  NO_SOURCE: {
    when: 'A content is known, but no peer that has it can be reached and sends it.',
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
    when: 'A copy was transferred at less than 50 kB/s while others waited for the same peers. It is retried later, or from other peers.',
    retryable: true,
    status: 504,
    sentence: 'The source was too slow while other copies waited; the copy is retried.',
  },
  HASH_MISMATCH: {
    when: 'Bytes from a source have another hash than expected (raised by the side that fetches).',
    retryable: true,
    status: 502,
    sentence: '{source} sent wrong bytes for {what}; they were discarded.',
  },
  CONTENT_CHANGED: {
    when: 'The file changed on the disk of the source since it was announced.',
    retryable: true,
    status: 409,
    sentence: "'{name}' changed while it was being read: try again when it is announced anew.",
  },
  CHUNK_MISSING: {
    when: 'The receiver is downloading the content itself and does not have this part of it yet.',
    retryable: true,
    status: 409,
    sentence: 'This peer is still downloading that content and lacks the requested part.',
  },
  BUSY: {
    when: 'Too many requests are queued, or there was no memory for this one in time.',
    retryable: true,
    status: 503,
    sentence: 'This peer is busy: try again later, or use another peer.',
  },
  CHUNK_OUT_OF_RANGE: {
    when: 'A read requests chunks that the content does not have.',
    retryable: false,
    status: 400,
    sentence: 'The content has {chunks} chunks; chunk {chunk} was requested.',
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
    sentence: "'{path}' exists with other content: choose another -o, or give --replace.",
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
    when: 'A peer does not accept a task now: its queue is full, it lacks space, or it is stopping.',
    retryable: true,
    status: 503,
    sentence: 'The peer does not accept the task: {reason}.',
  },
  STILL_NEEDED: {
    when: 'A peer was to remove a replicated copy, and the index does not confirm that it may: what replaced it lacks copies, or it is wanted again.',
    retryable: true,
    status: 409,
    sentence: "The copy of '{name}' stays: the index does not confirm that it may be removed.",
  },
  COPIES_PENDING: {
    when: 'push --wait timed out before the file had all its copies; it is shared, and the index keeps making them.',
    retryable: true,
    status: 504,
    sentence:
      "'{name}' is shared but has {copies} of {factor} copies after {deadlineMs} ms; `tandem why` says what is missing.",
  },
  TOO_MANY_DOWNLOADS: {
    when: 'As many downloads are waiting or running as a peer takes.',
    retryable: true,
    status: 429,
    sentence: 'There are already {max} downloads: wait for one to end, or cancel one.',
  },
  DOWNLOAD_NOT_FOUND: {
    when: 'The peer knows no download of this id (any more).',
    retryable: false,
    status: 404,
    sentence: 'There is no download {id}. `tandem downloads` lists those that there are.',
  },
  PAUSED: {
    when: 'The download was paused; its partial data is kept.',
    retryable: true,
    status: 409,
    sentence: "The download of '{name}' is paused: continue it with `tandem resume {id}`.",
  },
  CANCELLED: {
    when: 'It was cancelled by a user.',
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
    when: 'A setting has an unknown key or an invalid value; the process does not start.',
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
    sentence:
      'The database {path} cannot be used: {reason}. Use the version of Tandem that wrote it, or restore a backup.',
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
    sentence: "Web pages of {origin} may not change anything here: use the peer's own address.",
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
