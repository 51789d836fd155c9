import { expect, test } from 'vitest'
import { type DroppedEntry, entryOf, readDropped, readPicked } from './chosen-files.ts'

/** Like the entries of browsers, whose methods fail when they are called without their object. */
class FileEntry implements DroppedEntry {
  readonly isFile = true
  readonly fullPath: string

  constructor(fullPath: string) {
    this.fullPath = fullPath
  }

  file(onFile: (file: Blob) => void): void {
    onFile(new Blob([this.fullPath]))
  }
}

const fileAt = (fullPath: string): DroppedEntry => new FileEntry(fullPath)
const unreadable: DroppedEntry = {
  isFile: true,
  fullPath: '/a/secret',
  file: (_onFile, onError) => onError(new Error('not allowed')),
}
/** Hands its entries out one by one, as browsers do a hundred at a time. */
class FolderEntry implements DroppedEntry {
  readonly isFile = false
  readonly fullPath: string
  readonly #entries: readonly DroppedEntry[]

  constructor(fullPath: string, entries: readonly DroppedEntry[]) {
    this.fullPath = fullPath
    this.#entries = entries
  }

  createReader(): ReturnType<NonNullable<DroppedEntry['createReader']>> {
    const left = [...this.#entries]
    return { readEntries: (onEntries) => onEntries(left.splice(0, 1)) }
  }
}

const folderAt = (fullPath: string, entries: DroppedEntry[]): DroppedEntry =>
  new FolderEntry(fullPath, entries)

test('a dropped folder keeps its paths, below the chosen folder', async () => {
  const dropped = folderAt('/a', [fileAt('/a/1'), folderAt('/a/b', [fileAt('/a/b/2')]), unreadable])
  const { files, unreadable: failed } = await readDropped([dropped, fileAt('/3')], 'photos/2026')
  expect(files.map(({ name }) => name).toSorted()).toEqual([
    'photos/2026/3',
    'photos/2026/a/1',
    'photos/2026/a/b/2',
  ])
  expect(failed).toEqual(['/a/secret'])
})

test('a dropped file is taken directly, a folder as its entry, and text not at all', async () => {
  const file = Object.assign(new Blob(['content']), { name: '1' })
  const folder = folderAt('/a', [])
  const taken = entryOf({ webkitGetAsEntry: () => unreadable, getAsFile: () => file })
  expect(await readDropped(taken === null ? [] : [taken], 'b')).toEqual({
    files: [{ name: 'b/1', file }],
    unreadable: [],
  })
  // Browsers make a file of a folder, too, which cannot be read.
  expect(entryOf({ webkitGetAsEntry: () => folder, getAsFile: () => file })).toBe(folder)
  expect(entryOf({ webkitGetAsEntry: () => null, getAsFile: () => null })).toBeNull()
})

test('picked files and folders have NFC names', () => {
  const picked = [
    Object.assign(new Blob(), { name: 'Z\u0308.txt', webkitRelativePath: '' }),
    Object.assign(new Blob(), { name: '2', webkitRelativePath: 'b/2' }),
  ]
  expect(readPicked(picked, '').map(({ name }) => name)).toEqual(['Z̈.txt'.normalize('NFC'), 'b/2'])
})
