import { mkdirSync, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemErrorCode } from './errors.ts'

/**
 * Creates a folder and its missing parents. Unlike Node's recursive `mkdir`, which loops forever on
 * some file systems that refuse a name, it tries each once.
 * @throws errors of the disk
 */
export async function makeFolder(path: string): Promise<void> {
  const code = await codeOf(mkdir(path))
  if (code === undefined) return
  if (code === 'ENOENT' && dirname(path) !== path) {
    await makeFolder(dirname(path))
    await mkdir(path).catch(ignoreExisting)
  } else if (!(await stat(path)).isDirectory()) await mkdir(path)
}

/**
 * Recreates a removed folder and its parents, unless the remaining parent is on another file system
 * than the folder was: then its disk is gone, and nothing is created.
 * @throws errors of the disk; ENODEV if the disk is gone
 */
export function makeFolderAgain(folder: string, device: number): void {
  const found = deepestExisting(folder)
  if (found.path === folder) return
  if (found.device !== device)
    throw Object.assign(new Error(`the disk of '${folder}' is gone`), { code: 'ENODEV' })
  mkdirSync(folder, { recursive: true })
}

function deepestExisting(folder: string): { path: string; device: number } {
  for (let path = folder; ; path = dirname(path)) {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found !== undefined) return { path, device: found.dev }
  }
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'EEXIST' || code === 'EISDIR' || code === 'EROFS') return code
    throw error
  }
}

function ignoreExisting(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error
}
