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
}

export const eventKinds = {
  copied: { sentence: '{peer} copied {files}[ from {other}]', tone: 'plain' },
  healed: { sentence: '{peer} replaced lost copies of {files}[ from {other}]', tone: 'good' },
  trimmed: { sentence: '{peer} removed its extra replica of {files}', tone: 'plain' },
  dropped: { sentence: '{peer} removed its replica of {files}', tone: 'plain' },
  'copy-failed': { sentence: '{peer} could not copy {files}[ from {other}]', tone: 'bad' },
  'drop-failed': { sentence: '{peer} did not remove its replica of {files}', tone: 'plain' },
  deleted: { sentence: '{peer} deleted {files}', tone: 'plain' },
  restored: { sentence: '{peer} restored {files}[ that {other} had deleted]', tone: 'good' },
  'restore-failed': { sentence: '{peer} could not restore {files}', tone: 'bad' },
  emptied: { sentence: '{peer} removed {files} from the trash[ of {other}]', tone: 'plain' },
  expired: { sentence: '{files} left the trash of {peer}', tone: 'plain' },
  renamed: { sentence: '{peer} renamed {files}', tone: 'plain', hasOwnReason: true },
  ignored: { sentence: '{peer} ignores {files} from now on', tone: 'plain' },
  unshared: { sentence: '{peer} unshared {files}[ of {other}]', tone: 'plain' },
  blamed: { sentence: '{peer} sent wrong bytes of {files}[ to {other}]', tone: 'bad' },
  'peer-joined': { sentence: '{peer} joined', tone: 'good' },
  'peer-returned': { sentence: '{peer} returned[ after {duration}]', tone: 'good' },
  'peer-suspect': { sentence: '{peer} is suspect: no connection or no heartbeat', tone: 'plain' },
  'peer-unreachable': { sentence: 'the index cannot connect to {peer}', tone: 'bad' },
  'peer-dead': { sentence: '{peer} is dead[ after {duration} without a message]', tone: 'bad' },
  'peer-left': { sentence: '{peer} left', tone: 'plain' },
  'peer-forgotten': { sentence: '{peer} was forgotten', tone: 'plain' },
  'drain-began': { sentence: '{peer} is being drained', tone: 'plain' },
  'drain-done': { sentence: '{peer} is drained and may be stopped', tone: 'good' },
  'drain-ended': { sentence: '{peer} is no longer drained', tone: 'plain' },
  'maintenance-began': { sentence: '{peer} is in maintenance[ for {duration}]', tone: 'plain' },
  'maintenance-ended': { sentence: 'the maintenance of {peer} was ended', tone: 'plain' },
  'replication-set': { sentence: '{peer} set the number of copies of {files}', tone: 'plain' },
  'replication-unset': {
    sentence: '{peer} removed the rule for the number of copies of {files}',
    tone: 'plain',
  },
  'decisions-restored': {
    sentence: 'the index read decisions that it lacked from {peer}',
    tone: 'good',
  },
  'brake-on': { sentence: 'copying and dropping are held', tone: 'bad' },
  'brake-off': { sentence: 'copying and dropping continue[ after {duration}]', tone: 'good' },
  'index-started': { sentence: 'the index started', tone: 'plain' },
} as const satisfies Readonly<Record<string, EventKindRow>>

export type EventKind = keyof typeof eventKinds

export const eventKindNames = Object.keys(eventKinds) as readonly EventKind[]
