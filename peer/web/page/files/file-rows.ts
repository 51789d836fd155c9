/** The rows of the files view: what a search found, or what is immediately in a folder. */
import type { CallReply } from '../../../api/calls.ts'
import type { Client } from '../api/client.ts'
import type { FetchPage } from '../parts/paged-list.ts'

export type FoundFile = CallReply<'search'>['files'][number]
type Entry = CallReply<'folder'>['entries'][number]
export type FolderRow = Extract<Entry, { type: 'folder' }>
/** `name` is the full name. */
export type FileRow = { readonly type: 'file' } & FoundFile &
  Partial<Pick<Extract<Entry, { type: 'file' }>, 'versions'>>
export type Row = FolderRow | FileRow

/**
 * The first page comes soon and fills the largest screens. Further ones are as long as the peer
 * allows, so that few make a long list.
 */
const firstRows = 200
const furtherRows = 500

function limitAfter(after: string | undefined): number {
  return after === undefined ? firstRows : furtherRows
}

/** Who asks: the user, or the page by itself. */
export interface Askers {
  readonly client: Client
  readonly byItself: Client
}

/** All files whose names match `query`: a part of the name, or a glob. */
export function searchPages({ client, byItself }: Askers, query: string): FetchPage<Row> {
  return async (after, signal, isRefresh) => {
    const request = { q: query, limit: limitAfter(after), after }
    const { files, next } = await (isRefresh ? byItself : client).call('search', request, signal)
    return { rows: files.map((file) => ({ type: 'file', ...file })), next }
  }
}

/** What is immediately in `folder`; empty for the top. */
export function folderPages({ client, byItself }: Askers, folder: string): FetchPage<Row> {
  return async (after, signal, isRefresh) => {
    const request = { folder, limit: limitAfter(after), after }
    const { entries, next } = await (isRefresh ? byItself : client).call('folder', request, signal)
    const within = folder === '' ? '' : `${folder}/`
    return { rows: entries.map((entry) => ({ ...entry, name: within + entry.name })), next }
  }
}

/** A name may be both, and a search lists each content of a name. */
export function keyOf(row: Row): string {
  return row.type === 'folder' ? `folder ${row.name}` : `${row.sha256} ${row.name}`
}
