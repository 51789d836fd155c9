/** Errors of the registry and the file index. */
import type { ErrorRow } from './error-row.ts'

export const indexErrors = {
  NOT_REGISTERED: {
    when: 'A request that only registered peers may send arrived on a connection without a registered peer.',
    retryable: true,
    status: 403,
    sentence: 'Only a registered peer may send {request}.',
  },
  OVERLOADED: {
    when: 'The index has more queries than it can answer. Heartbeats and announcements are not affected.',
    retryable: true,
    status: 503,
    sentence: 'The index is overloaded: try again in {retryAfterMs} ms.',
  },
  PEER_ID_TAKEN: {
    when: 'Another running process uses this peer id and answered a probe; it keeps the id.',
    retryable: true,
    status: 409,
    sentence:
      "A peer called '{peerId}' is already connected from {address} and responds: stop it first or, if this peer's data folder is a copy, give the copy its own id with --adopt --peer ID --data FOLDER.",
  },
  PEER_ID_BOUND: {
    when: 'This peer id is bound to another secret.',
    retryable: false,
    status: 403,
    sentence:
      "The id '{peerId}' belongs to a peer with another secret. Choose another id (--peer), or restore that peer's .tandem/identity; if its disk is lost, run `tandem index release {peerId}` on the machine of the index.",
  },
  PEER_UNKNOWN: {
    when: 'The index knows no peer of this id.',
    retryable: false,
    status: 404,
    sentence: "The index knows no peer '{peerId}': `tandem peers` lists them.",
  },
  PEER_DEAD: {
    when: 'Maintenance of a dead peer was requested.',
    retryable: false,
    status: 409,
    sentence:
      "'{peerId}' is dead, and its copies are being made elsewhere: maintenance must begin before a peer stops.",
  },
  PEER_NOT_DEAD: {
    when: 'A request to forget a peer named one that is not dead.',
    retryable: false,
    status: 409,
    sentence:
      "'{peerId}' is {state}: only dead peers can be forgotten. To keep all copies of its files, run `drain {peerId} --wait` first, then stop it.",
  },
  FORGET_LOSES: {
    when: 'No other peer is known to have some contents of the peer to be forgotten.',
    retryable: false,
    status: 409,
    sentence:
      "Forgetting '{peerId}' would lose {files} files that no other peer has, such as {names}. With --force it is forgotten anyway.",
  },
  NOT_SAFE_TO_STOP: {
    when: 'Other peers lack copies of some files of this peer (command line).',
    retryable: true,
    status: 409,
    sentence:
      "It is not safe to stop '{peerId}'{duration}: {files} of its {of} files ({bytes}) have {copies}, such as {names}.",
  },
  REGISTRY_FULL: {
    when: 'The index has reached its limit of peers.',
    retryable: false,
    status: 503,
    sentence: 'The index already knows its maximum of {max} peers: use another index.',
  },
  INTENT_FULL: {
    when: 'The index has reached its limit of decisions of this kind, such as replication rules.',
    retryable: false,
    status: 507,
    sentence: "The index keeps at most {max} decisions of the kind '{kind}': revoke some first.",
  },
  RULE_NOT_FOUND: {
    when: 'No replication rule has this pattern.',
    retryable: false,
    status: 404,
    sentence: "There is no replication rule '{pattern}': `tandem replication list` shows them.",
  },
  SEQUENCE_GAP: {
    when: 'An announcement does not continue the last one that the index received; the peer must say hello again.',
    retryable: true,
    status: 409,
    sentence: 'The index expected change {expected} and got {got}.',
  },
  INDEX_UNREACHABLE: {
    when: 'The peer is not connected to the index (HTTP API and command line).',
    retryable: true,
    status: 503,
    sentence:
      'The index at {address} cannot be reached: start it with `tandem index`, or pass the right --index.',
  },
  NAME_NOT_FOUND: {
    when: 'No peer has announced a file of this name.',
    retryable: false,
    status: 404,
    sentence: "No peer shares a file called '{name}'. `tandem search` finds names by substring.",
  },
  FILE_DELETED: {
    when: 'The owner of a file deleted it; its copies are still kept.',
    retryable: false,
    status: 410,
    sentence:
      "'{name}' was deleted at {owner} on {date}. `tandem restore '{name}'` restores it, `tandem trash empty '{name}'` removes it permanently.",
  },
  NOT_IN_TRASH: {
    when: 'No deleted file of this name is kept.',
    retryable: false,
    status: 404,
    sentence: "There is no deleted file called '{name}' to restore: `tandem trash` lists them.",
  },
  RESTORE_REFUSED: {
    when: 'The peer that should restore a deleted file refused.',
    retryable: false,
    status: 409,
    sentence: "{peerId} refused to restore '{name}': {reason}.",
  },
  NO_MATCH: {
    when: 'No announced file matches the pattern or is in this folder.',
    retryable: false,
    status: 404,
    sentence: "No shared file matches '{pattern}'. `tandem search` lists the shared names.",
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
    when: 'A file was replaced during its download, and no peer has the old content.',
    retryable: false,
    status: 409,
    sentence:
      "'{name}' was replaced during the download, and no peer has the old content: download it again.",
  },
  NOT_OWNER: {
    when: 'Only the owner may unshare a file; other peers must force it.',
    retryable: false,
    status: 403,
    sentence:
      "'{name}' belongs to {owner}, which is {state}: run unshare there, or add --force to unshare it from here.",
  },
} as const satisfies Record<string, ErrorRow>
