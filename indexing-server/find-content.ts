import { AppError } from '../common/errors.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { IndexStore, StoredContent } from './store/store.ts'

type Store = Pick<IndexStore, 'contentsHashed' | 'copiesOf'>

/**
 * A name of a content, under which a lookup of this content finds it.
 * @throws AppError CONTENT_NOT_FOUND
 */
export async function findContent(
  { sha256 }: RequestOf<'find-content'>,
  { store }: { readonly store: Store },
): Promise<ReplyOf<'find-content'>> {
  const contents = await store.contentsHashed(sha256)
  // Peers may differ in size and chunk root: any of them that a file has.
  const ranked = contents.toSorted((a, b) => Number(isDeleted(a)) - Number(isDeleted(b)))
  for (const content of ranked) {
    const name = await nameOf(content, store)
    if (name !== undefined) return { name, size: content.size }
  }
  throw new AppError('CONTENT_NOT_FOUND', { sha256 })
}

/** Whether no file has it now. */
function isDeleted({ file, isTrashed }: StoredContent): boolean {
  return file === undefined || isTrashed
}

/** Without a file: that of a download, or of an earlier version. */
async function nameOf(
  { file, contentId }: StoredContent,
  store: Pick<Store, 'copiesOf'>,
): Promise<string | undefined> {
  if (file !== undefined) return file.name
  const [copy] = await store.copiesOf(contentId, 1)
  return copy?.name
}
