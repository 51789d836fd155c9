interface Dated {
  readonly name: string
  readonly modifiedMs?: number | undefined
}

/**
 * The files that were modified last, the newest first; those without a time last. Memory: twice their
 * number, however many files there are.
 */
export async function newestFiles<T extends Dated>(
  files: AsyncIterable<T>,
  count: number,
): Promise<T[]> {
  let newest: T[] = []
  for await (const file of files) {
    newest.push(file)
    if (newest.length >= 2 * count) newest = cut(newest, count)
  }
  return cut(newest, count)
}

function cut<T extends Dated>(files: readonly T[], count: number): T[] {
  return files
    .toSorted((a, b) => (b.modifiedMs ?? 0) - (a.modifiedMs ?? 0) || (a.name < b.name ? -1 : 1))
    .slice(0, count)
}
