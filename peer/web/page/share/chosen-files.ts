/** Files of the user's machine, dropped onto the page or picked: also whole folders. */
import type { NewFile } from './upload-queue.ts'

/** The parts of a `FileSystemEntry` that reading a folder takes. */
export interface DroppedEntry {
  readonly isFile: boolean
  /** From the top of what was dropped, with a leading slash. */
  readonly fullPath: string
  /** Of a file. */
  readonly file?: (onFile: (file: Blob) => void, onError: (error: unknown) => void) => void
  /** Of a folder. */
  readonly createReader?: () => {
    readonly readEntries: (
      onEntries: (entries: readonly DroppedEntry[]) => void,
      onError: (error: unknown) => void,
    ) => void
  }
}

/** The parts of a `DataTransferItem` that this takes. */
export interface DroppedItem {
  readonly webkitGetAsEntry: () => object | null
  readonly getAsFile: () => (Blob & { readonly name: string }) | null
}

/**
 * What a dropped item is; null if it is text. A file is taken directly: some browsers refuse to read
 * the entry of one.
 */
export function entryOf(item: DroppedItem): DroppedEntry | null {
  const entry = item.webkitGetAsEntry() as DroppedEntry | null
  const file = entry?.isFile === false ? null : item.getAsFile()
  if (file === null) return entry
  return { isFile: true, fullPath: `/${file.name}`, file: (onFile) => onFile(file) }
}

export interface ChosenFiles {
  readonly files: readonly NewFile[]
  /** Paths that could not be read. */
  readonly unreadable: readonly string[]
}

/** All files in what was dropped. Unreadable ones do not hinder the others. */
export async function readDropped(
  entries: readonly DroppedEntry[],
  folder: string,
): Promise<ChosenFiles> {
  const files: NewFile[] = []
  const unreadable: string[] = []
  const waiting = [...entries]
  for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
    try {
      if (entry.isFile)
        files.push({ name: nameIn(folder, entry.fullPath), file: await fileOf(entry) })
      else waiting.push(...(await entriesOf(entry)))
    } catch {
      unreadable.push(entry.fullPath)
    }
  }
  return { files, unreadable }
}

/** Files of an input; those of a folder have a relative path. */
export function readPicked(
  picked: Iterable<Blob & { readonly name: string; readonly webkitRelativePath: string }>,
  folder: string,
): NewFile[] {
  return Array.from(picked, (file) => ({
    name: nameIn(folder, file.webkitRelativePath || file.name),
    file,
  }))
}

/** Names are NFC; some systems decompose them. */
function nameIn(folder: string, path: string): string {
  return [...folder.split('/'), ...path.split('/')]
    .filter((part) => part !== '')
    .join('/')
    .normalize('NFC')
}

/** Entries of browsers are objects whose methods need them as `this`. */
async function fileOf(entry: DroppedEntry): Promise<Blob> {
  const { promise, resolve, reject } = Promise.withResolvers<Blob>()
  entry.file?.(resolve, reject)
  return await promise
}

/** A reader hands out a folder in parts, until one is empty. */
async function entriesOf(entry: DroppedEntry): Promise<DroppedEntry[]> {
  const reader = entry.createReader?.()
  const entries: DroppedEntry[] = []
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly DroppedEntry[]>()
    reader?.readEntries(resolve, reject)
    const part = await promise
    if (part.length === 0) return entries
    entries.push(...part)
  }
}
