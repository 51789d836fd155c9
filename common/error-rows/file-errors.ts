/** Errors of names, files, disks, transfers and downloads. */
import type { ErrorRow } from './error-row.ts'

export const fileErrors = {
  NAME_INVALID: {
    when: 'A name is absolute, leaves its folder, is too long, or has invalid characters.',
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
  NAME_IGNORED: {
    when: 'A file of this name in shared/ is ignored, so it cannot be shared.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' is not shared: the pattern '{pattern}' ignores it. To share it, add '!{pattern}' to shared/.tandemignore.",
  },
  NAME_UNSUPPORTED: {
    when: 'The file system of a peer cannot store this name: it does not allow one of its characters, or its length.',
    retryable: false,
    status: 409,
    sentence: "This disk cannot store the name '{name}': {reason} for '{path}'. Rename the file.",
  },
  PEER_ID_INVALID: {
    when: 'A peer id has characters other than letters, digits, dot, dash and underscore.',
    retryable: false,
    status: 400,
    sentence:
      "'{peerId}' cannot be used as a peer id: use 1 to 64 letters, digits, '.', '-' or '_', beginning with a letter or digit.",
  },
  CHECK_NOT_FOUND: {
    when: 'No check of copies has this id; only recent ones are kept.',
    retryable: false,
    status: 404,
    sentence: "There is no check '{id}': only recent ones are kept.",
  },
  COPIES_DAMAGED: {
    when: 'Some of the checked copies are damaged or cannot be read.',
    retryable: false,
    status: 409,
    sentence:
      "Of {files} copies that match '{pattern}', {bad} are damaged and {unread} cannot be read now.",
  },
  NOT_DAMAGED: {
    when: 'A file to repair is not known to be damaged.',
    retryable: false,
    status: 409,
    sentence: "'{name}' is not known to be damaged: `scrub {name}` checks it now.",
  },
  REPAIR_NOT_FOUND: {
    when: 'No repair has this id; only recent ones are kept.',
    retryable: false,
    status: 404,
    sentence: "There is no repair '{id}': only recent ones are kept.",
  },
  REPAIR_FAILED: {
    when: 'A damaged file could not be replaced by its good content.',
    retryable: true,
    status: 503,
    sentence: "'{name}' could not be repaired: {reason} The damaged file is unchanged.",
  },
  NO_SOURCE: {
    when: 'The content is known, but no peer that has it could send it.',
    retryable: true,
    status: 503,
    sentence: "No peer could send '{name}' now. Tried: {tried}.",
  },
  SOURCE_FAILED: {
    when: 'A source disconnected or answered with an error (raised by the side that fetches).',
    retryable: true,
    status: 502,
    sentence: '{source} could not send {what}: {reason}.',
  },
  SOURCE_SLOW: {
    when: 'A copy was transferred at less than 50 kB/s while other copies waited for the same peers. It is retried later, or from other sources.',
    retryable: true,
    status: 504,
    sentence: 'The source was too slow while other copies waited; the copy is retried.',
  },
  HASH_MISMATCH: {
    when: 'Bytes from a source do not have the expected hash (raised by the side that fetches).',
    retryable: true,
    status: 502,
    sentence: '{source} sent wrong bytes for {what}; they were discarded.',
  },
  CONTENT_CHANGED: {
    when: 'The file has changed on the disk of the source since it was announced.',
    retryable: true,
    status: 409,
    sentence:
      "'{name}' changed while it was being read: try again once it has been announced again.",
  },
  CHUNK_MISSING: {
    when: 'The receiver is still downloading the content and lacks this part of it.',
    retryable: true,
    status: 409,
    sentence: 'This peer is still downloading that content and lacks the requested part.',
  },
  BUSY: {
    when: 'Too many requests are queued, or no memory for this one became free in time.',
    retryable: true,
    status: 503,
    sentence: 'This peer is busy: try again later, or use another peer.',
  },
  CHUNK_OUT_OF_RANGE: {
    when: 'A read requests a chunk that the content does not have.',
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
  RANGE_UNSATISFIABLE: {
    when: 'A request asks for bytes beyond the end of a file.',
    retryable: false,
    status: 416,
    sentence: 'The file ends before that range: it has {size} bytes.',
  },
  PRECONDITION_FAILED: {
    when: 'The If-Match header of a request names a different content of the file.',
    retryable: false,
    status: 412,
    sentence: 'The file does not have the content that the request expects.',
  },
  NOT_SHARED: {
    when: 'No peer shares a file of this name.',
    retryable: false,
    status: 404,
    sentence: "No peer shares a file called '{name}'. A folder ends with a slash: '{name}/'.",
  },
  NAME_EXISTS: {
    when: 'A push would overwrite a shared file that has the same name and different content.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' is already in shared/ with different content: choose another --name, or pass --replace.",
  },
  FILE_EXISTS: {
    when: 'A download without a peer would overwrite a file with different content (command line).',
    retryable: false,
    status: 409,
    sentence: "'{path}' exists with different content: choose another -o, or pass --replace.",
  },
  DISK_FULL: {
    when: 'The disk has too little free space for a content.',
    retryable: true,
    status: 507,
    sentence:
      'The disk of {path} is full: {neededBytes} bytes are needed. Free some space and try again.',
  },
  CAPACITY_FULL: {
    when: 'A replica would exceed the space that a peer offers to the cluster.',
    retryable: true,
    status: 507,
    sentence:
      'This peer offers {capacityBytes} bytes to the cluster: {neededBytes} more do not fit. To raise that, run `tandem limits set capacity` there.',
  },
  DISK_FAILED: {
    when: 'The operating system refused to read or write a file.',
    retryable: true,
    status: 500,
    sentence: "Cannot {action} '{path}': {reason}.",
  },
  FOLDER_UNAVAILABLE: {
    when: 'A folder of the peer is missing, cannot be read, or is not the same folder as before: nothing is written into it.',
    retryable: true,
    status: 503,
    sentence:
      "The folder '{folder}' of this peer {reason}. Restore it; if its files were deleted on purpose, run `tandem deletes confirm`.",
  },
  TOO_LARGE: {
    when: 'Something exceeds its size limit.',
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
    when: 'The index does not confirm that a peer may remove a replicated copy: its replacement lacks copies, or the copy is needed again.',
    retryable: true,
    status: 409,
    sentence: "The copy of '{name}' is kept: the index does not confirm that it may be removed.",
  },
  COPIES_PENDING: {
    when: 'push --wait timed out before the file had all its copies; it is shared, and copying continues.',
    retryable: true,
    status: 504,
    sentence:
      "'{name}' is shared but has {copies} of {factor} copies after {deadlineMs} ms; `tandem why` says what is missing.",
  },
  TOO_MANY_DOWNLOADS: {
    when: 'The peer has reached its limit of queued and running downloads.',
    retryable: true,
    status: 429,
    sentence: 'There are already {max} downloads: wait for one to finish, or cancel one.',
  },
  TOO_MANY_FOLLOWED: {
    when: 'The peer has reached its limit of followed patterns.',
    retryable: false,
    status: 507,
    sentence: 'This peer already follows {max} patterns: stop one with `tandem unfollow`.',
  },
  NOT_FOLLOWED: {
    when: 'The peer does not follow this pattern.',
    retryable: false,
    status: 404,
    sentence: "This peer does not follow '{pattern}': `tandem follow` lists the followed patterns.",
  },
  DOWNLOAD_NOT_FOUND: {
    when: 'The peer has no download with this id, or no longer lists it.',
    retryable: false,
    status: 404,
    sentence: 'There is no download {id}. `tandem downloads` lists them.',
  },
  PAUSED: {
    when: 'The download was paused; its partial data is kept.',
    retryable: true,
    status: 409,
    sentence: "The download of '{name}' is paused: continue it with `tandem resume {id}`.",
  },
  CANCELLED: {
    when: 'A user cancelled it.',
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
} as const satisfies Record<string, ErrorRow>
