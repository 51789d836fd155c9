import type { FileKey } from './store.ts'

/** A file as the key of a decision. A peer id has no slash. */
export function fileKeyText({ owner, name }: FileKey): string {
  return `${owner}/${name}`
}

/** The file of a {@link fileKeyText}. */
export function fileOfKey(key: string): FileKey {
  const slash = key.indexOf('/')
  return { owner: key.slice(0, slash), name: key.slice(slash + 1) }
}
