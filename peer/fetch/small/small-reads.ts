import { limits } from '../../../common/limits.ts'
import type { Content, Source } from '../../../common/protocol/messages.ts'
import { labelOf } from '../source/peer-source.ts'

/** A content of one chunk, and its possible sources, best first. */
export interface SmallContent {
  readonly content: Content
  readonly sources: readonly Source[]
}

/** What one source is asked for in one request. */
export interface SmallRead<File> {
  readonly source: Source
  readonly files: readonly File[]
}

interface OpenRead<File> {
  readonly source: Source
  readonly files: File[]
  bytesLeft: number
}

/**
 * Plans which source is asked for which files: each file is requested from the source with the fewest
 * reads, among equals from the first that the file names; reads are as large as allowed.
 * @param mayAsk whether a file can still be requested from a source
 * @param readsOf the number of reads that a source, by its label, has already
 * @returns the reads, and the files for which no source is left
 */
export function smallReads<File extends SmallContent>(
  files: readonly File[],
  mayAsk: (file: File, label: string) => boolean,
  readsOf: (label: string) => number,
): { reads: SmallRead<File>[]; unasked: File[] } {
  const reads: OpenRead<File>[] = []
  const open = new Map<string, OpenRead<File>>()
  const planned = new Map<string, number>()
  const unasked: File[] = []
  for (const file of files) {
    const [first, ...others] = file.sources.filter((source) => mayAsk(file, labelOf(source)))
    if (first === undefined) {
      unasked.push(file)
      continue
    }
    const loadOf = (source: Source): number =>
      planned.get(labelOf(source)) ?? readsOf(labelOf(source))
    const roomy = [first, ...others].find((source) => fits(file, open.get(labelOf(source))))
    const leastBusy = others.reduce(
      (best, next) => (loadOf(next) < loadOf(best) ? next : best),
      first,
    )
    const source = roomy ?? leastBusy
    const label = labelOf(source)
    let read = open.get(label)
    if (read === undefined || !fits(file, read)) {
      read = { source, files: [], bytesLeft: limits.contentsReadBytesMax }
      reads.push(read)
      open.set(label, read)
      planned.set(label, loadOf(source) + 1)
    }
    read.files.push(file)
    read.bytesLeft -= file.content.size
  }
  return { reads, unasked }
}

function fits(
  { content }: Pick<SmallContent, 'content'>,
  read: Pick<OpenRead<unknown>, 'files' | 'bytesLeft'> | undefined,
): boolean {
  return (
    read !== undefined &&
    read.files.length < limits.contentsPerReadMax &&
    content.size <= read.bytesLeft
  )
}

/** Runs of consecutive files, each as large as one read may be. */
export function inGroups<File extends Pick<SmallContent, 'content'>>(
  files: readonly File[],
): File[][] {
  const groups: { files: File[]; bytesLeft: number }[] = []
  for (const file of files) {
    let group = groups.at(-1)
    if (group === undefined || !fits(file, group)) {
      group = { files: [], bytesLeft: limits.contentsReadBytesMax }
      groups.push(group)
    }
    group.files.push(file)
    group.bytesLeft -= file.content.size
  }
  return groups.map((group) => group.files)
}
