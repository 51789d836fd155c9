/** The folder of a name; '' for none. */
export function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

/** The deepest folder that contains both; '' for none. */
export function commonFolder(one: string, other: string): string {
  let folder = one
  while (folder !== '' && folder !== other && !other.startsWith(`${folder}/`))
    folder = folderOf(folder)
  return folder
}
