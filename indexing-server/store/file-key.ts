import { isPeerId, nameProblem } from '../../common/ids.ts'

interface File {
  readonly owner: string
  readonly name: string
}

/** A file as the key of a decision. A peer id has no slash. */
export function fileKeyText({ owner, name }: File): string {
  return `${owner}/${name}`
}

/** The file of a {@link fileKeyText}. */
export function fileOfKey(key: string): File {
  const slash = key.indexOf('/')
  return { owner: key.slice(0, slash), name: key.slice(slash + 1) }
}

export function isFileKey(key: string): boolean {
  const { owner, name } = fileOfKey(key)
  return isPeerId(owner) && nameProblem(name) === undefined
}
