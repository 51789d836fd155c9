import { parseFolder } from '../../common/ids.ts'
import type { CallRequest } from '../api/calls.ts'
import type { Folder, ListedFile } from '../api/file-shapes.ts'

/** One page of a folder of a cluster with these files; the cursor is the last row's name. */
export function folderOf(
  files: readonly ListedFile[],
  { folder: text, limit, after = '' }: CallRequest<'folder'>,
): Folder {
  const folder = parseFolder(text)
  const prefix = folder === '' ? '' : `${folder}/`
  const below = files.filter(({ name }) => name.startsWith(prefix))
  const rows = Map.groupBy(below, ({ name }) => {
    const rest = name.slice(prefix.length)
    return rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest
  })
  const keys = [...rows.keys()].toSorted().filter((key) => key > after)
  const entries = keys.slice(0, limit).map((key): Folder['entries'][number] => {
    const [file] = rows.get(key) ?? []
    if (key.endsWith('/') || file === undefined) return { type: 'folder', name: key.slice(0, -1) }
    const { sha256, size } = file
    const versions = rows.get(key)?.length ?? 1
    return { type: 'file', name: key, sha256, size, modifiedMs: 1_000, copies: 2, versions }
  })
  const next = keys.length > limit ? keys[limit - 1] : undefined
  return { folder, entries, ...(next !== undefined && { next }) }
}
