/** Kinds of events for filters and colours. A kind that is missing here does not compile. */
import type { EventRow } from './activity-types.ts'

type Kind = EventRow['kind']
type Group = 'copies' | 'files' | 'peers' | 'trouble'

interface KindRow {
  readonly group: Exclude<Group, 'trouble'>
  readonly tone: '' | 'ok' | 'bad'
}

const kinds: Readonly<Record<Kind, KindRow>> = {
  copied: { group: 'copies', tone: '' },
  healed: { group: 'copies', tone: 'ok' },
  trimmed: { group: 'copies', tone: '' },
  dropped: { group: 'copies', tone: '' },
  'copy-failed': { group: 'copies', tone: 'bad' },
  'drop-failed': { group: 'copies', tone: '' },
  deleted: { group: 'files', tone: '' },
  restored: { group: 'files', tone: 'ok' },
  'restore-failed': { group: 'files', tone: 'bad' },
  emptied: { group: 'files', tone: '' },
  expired: { group: 'files', tone: '' },
  renamed: { group: 'files', tone: '' },
  ignored: { group: 'files', tone: '' },
  unshared: { group: 'files', tone: '' },
  blamed: { group: 'copies', tone: 'bad' },
  'proof-failed': { group: 'copies', tone: 'bad' },
  'proof-passed': { group: 'copies', tone: 'ok' },
  'peer-joined': { group: 'peers', tone: 'ok' },
  'peer-returned': { group: 'peers', tone: 'ok' },
  'peer-suspect': { group: 'peers', tone: '' },
  'peer-unreachable': { group: 'peers', tone: 'bad' },
  'peer-dead': { group: 'peers', tone: 'bad' },
  'peer-left': { group: 'peers', tone: '' },
  'peer-forgotten': { group: 'peers', tone: '' },
  'drain-began': { group: 'peers', tone: '' },
  'drain-done': { group: 'peers', tone: 'ok' },
  'drain-ended': { group: 'peers', tone: '' },
  'maintenance-began': { group: 'peers', tone: '' },
  'maintenance-ended': { group: 'peers', tone: '' },
  'replication-set': { group: 'files', tone: '' },
  'replication-unset': { group: 'files', tone: '' },
  'decisions-restored': { group: 'peers', tone: 'ok' },
  'decisions-refused': { group: 'peers', tone: '' },
  'brake-on': { group: 'copies', tone: 'bad' },
  'brake-off': { group: 'copies', tone: 'ok' },
  'member-joined': { group: 'peers', tone: 'ok' },
  'join-refused': { group: 'peers', tone: 'bad' },
  'access-refused': { group: 'peers', tone: 'bad' },
  'member-revoked': { group: 'peers', tone: 'bad' },
  'token-created': { group: 'peers', tone: '' },
  'token-revoked': { group: 'peers', tone: '' },
  'index-started': { group: 'peers', tone: '' },
}

export const eventGroups: readonly { readonly name: Group; readonly label: string }[] = [
  { name: 'trouble', label: 'Problems only' },
  { name: 'copies', label: 'Copies' },
  { name: 'files', label: 'Files' },
  { name: 'peers', label: 'Peers' },
]

/** The kinds of a group as the API takes them; undefined for all. */
export function kindsOf(group: string | undefined): string | undefined {
  if (!eventGroups.some(({ name }) => name === group)) return undefined
  return Object.entries(kinds)
    .filter(([, row]) => (group === 'trouble' ? row.tone === 'bad' : row.group === group))
    .map(([kind]) => kind)
    .join(',')
}

export function toneOf(kind: Kind): KindRow['tone'] {
  return kinds[kind].tone
}

/** `peer returned`. */
export function kindText(kind: Kind): string {
  return kind.replaceAll('-', ' ')
}
