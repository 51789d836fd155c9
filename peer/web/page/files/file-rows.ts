import type { CallReply } from '../../../api/calls.ts'
import type { Client } from '../api/client.ts'
import type { FetchPage } from '../parts/paged-list.ts'

export type FoundFile = CallReply<'search'>['files'][number]

/** What the files view lists. */
export type FileRow = FoundFile

/** A first page that fills the largest screens; more is loaded while scrolling. */
const rowsPerPage = 200

/** All files whose names match `query`: a part of the name, or a glob. */
export function searchPages(client: Client, query: string): FetchPage<FileRow> {
  return async (after, signal) => {
    const { files, next } = await client.call(
      'search',
      { q: query, limit: rowsPerPage, after },
      signal,
    )
    return { rows: files, next }
  }
}

export function keyOf({ name, sha256 }: FileRow): string {
  return `${sha256} ${name}`
}
