import { sha256 } from '../../common/content/hash.ts'
import { fillEmptyFolder, type GenerateOptions, generatedFiles } from '../../peer/generate.ts'
import type { Original } from '../system/check-file.ts'

/** Generated files by size, 1 KiB and 1 MiB. */
export interface Corpus {
  readonly kb: readonly Original[]
  readonly mb: readonly Original[]
}

/** Writes a peer's share of the corpus into its `folder`, which is empty or missing. */
export async function writeCorpus(folder: string, options: GenerateOptions): Promise<Corpus> {
  await fillEmptyFolder(folder, options)
  const files: Original[] = []
  for (const { name, bytes } of generatedFiles(options))
    files.push({ name, sha256: (await sha256(Buffer.from(bytes))).toString('hex') })
  return { kb: files.slice(0, options.kb), mb: files.slice(options.kb) }
}

/** One file of each list alternately, so that neighbours come from different peers. */
export function interleaved<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat()
}
