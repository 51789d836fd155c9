/**
 * THE table of the events that an index records: each kind with its sentence for people. To add a
 * kind, add a row, and pass events of it to `EventRecorder.record`.
 *
 * In a sentence {peer} is `peerId`, {other} `otherPeerId`, {files} the file or the number of files,
 * {duration} `durationMs`. A part in [brackets] is left out if one of its values is missing. Bytes,
 * the duration, the number of repetitions and the reason are appended to it. Loads no schema library.
 */

export interface EventKindRow {
  /** Without a full stop. */
  readonly sentence: string
  /** `bad`: copies are missing or in danger. `good`: they are no longer. */
  readonly tone: 'plain' | 'good' | 'bad'
  /** The reason belongs to a single file: similar events are combined whatever it is, without it. */
  readonly hasOwnReason?: true
  /** Who may do what, and who changed what people have decided: for an audit. */
  readonly isSecurity?: true
}

export const eventKinds = {
  copied: { sentence: '{peer} copied {files}[ from {other}]', tone: 'plain' },
  healed: { sentence: '{peer} replaced lost copies of {files}[ from {other}]', tone: 'good' },
  trimmed: { sentence: '{peer} removed its extra replica of {files}', tone: 'plain' },
  dropped: { sentence: '{peer} removed its replica of {files}', tone: 'plain' },
  'copy-failed': { sentence: '{peer} could not copy {files}[ from {other}]', tone: 'bad' },
  'drop-failed': { sentence: '{peer} did not remove its replica of {files}', tone: 'plain' },
  deleted: { sentence: '{peer} deleted {files}', tone: 'plain', isSecurity: true },
  restored: {
    sentence: '{peer} restored {files}[ that {other} had deleted]',
    tone: 'good',
    isSecurity: true,
  },
  'restore-failed': { sentence: '{peer} could not restore {files}', tone: 'bad' },
  emptied: {
    sentence: '{peer} removed {files} from the trash[ of {other}]',
    tone: 'plain',
    isSecurity: true,
  },
  expired: { sentence: '{files} left the trash of {peer}', tone: 'plain' },
  renamed: { sentence: '{peer} renamed {files}', tone: 'plain', hasOwnReason: true },
  ignored: { sentence: '{peer} ignores {files} from now on', tone: 'plain' },
  unshared: { sentence: '{peer} unshared {files}[ of {other}]', tone: 'plain', isSecurity: true },
  blamed: {
    sentence: '{peer} sent wrong bytes of {files}[ to {other}]',
    tone: 'bad',
    isSecurity: true,
  },
  'proof-failed': {
    sentence: '{peer} has not proven that it has {files}',
    tone: 'bad',
    isSecurity: true,
  },
  'proof-passed': {
    sentence: '{peer} has now proven that it has {files}',
    tone: 'good',
    isSecurity: true,
  },
  'peer-joined': { sentence: '{peer} joined', tone: 'good', isSecurity: true },
  'peer-returned': { sentence: '{peer} returned[ after {duration}]', tone: 'good' },
  'peer-suspect': { sentence: '{peer} is suspect: no connection or no heartbeat', tone: 'plain' },
  'peer-unreachable': { sentence: 'the index cannot connect to {peer}', tone: 'bad' },
  'peer-dead': { sentence: '{peer} is dead[ after {duration} without a message]', tone: 'bad' },
  'peer-left': { sentence: '{peer} left', tone: 'plain', isSecurity: true },
  'peer-forgotten': { sentence: '{peer} was forgotten', tone: 'plain', isSecurity: true },
  'drain-began': { sentence: '{peer} is being drained', tone: 'plain', isSecurity: true },
  'drain-done': { sentence: '{peer} is drained and safe to stop', tone: 'good' },
  'drain-ended': { sentence: '{peer} is no longer drained', tone: 'plain', isSecurity: true },
  'maintenance-began': {
    sentence: '{peer} is in maintenance[ for {duration}]',
    tone: 'plain',
    isSecurity: true,
  },
  'maintenance-ended': {
    sentence: 'the maintenance of {peer} was ended',
    tone: 'plain',
    isSecurity: true,
  },
  'replication-set': {
    sentence: '{peer} set the number of copies of {files}',
    tone: 'plain',
    isSecurity: true,
  },
  'replication-unset': {
    sentence: '{peer} removed the rule for the number of copies of {files}',
    tone: 'plain',
    isSecurity: true,
  },
  'decisions-restored': {
    sentence: 'the index restored decisions that it lacked from {peer}',
    tone: 'good',
  },
  'decisions-refused': {
    sentence: 'the index refused decisions that {peer} stores',
    tone: 'plain',
    isSecurity: true,
  },
  'brake-on': { sentence: 'copying and dropping are paused', tone: 'bad' },
  'brake-off': { sentence: 'copying and dropping continue[ after {duration}]', tone: 'good' },
  'member-joined': { sentence: '{peer} got a certificate', tone: 'good', isSecurity: true },
  'join-refused': {
    sentence: 'an attempt to join the cluster was refused',
    tone: 'bad',
    isSecurity: true,
  },
  'access-refused': {
    sentence: 'a connection[ of {peer}] was refused',
    tone: 'bad',
    isSecurity: true,
  },
  'member-revoked': { sentence: '{peer} was revoked[ by {other}]', tone: 'bad', isSecurity: true },
  'token-created': {
    sentence: 'a join token was created[ by {peer}]',
    tone: 'plain',
    isSecurity: true,
  },
  'token-revoked': {
    sentence: 'a join token was revoked[ by {peer}]',
    tone: 'plain',
    isSecurity: true,
  },
  'index-started': { sentence: 'the index started', tone: 'plain' },
} as const satisfies Readonly<Record<string, EventKindRow>>

export type EventKind = keyof typeof eventKinds

export const eventKindNames = Object.keys(eventKinds) as readonly EventKind[]

/** The kinds for an audit: who joined, left, was refused or revoked, and changed what people have decided. */
export const securityKinds: readonly EventKind[] = eventKindNames.filter((kind) => {
  const row: EventKindRow = eventKinds[kind]
  return row.isSecurity === true
})
