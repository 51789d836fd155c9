/**
 * Does `work` for every item with `concurrency` workers; a worker takes its next item when it is
 * done with one. After a failure no further item is started.
 * @throws the first error of `work` or of the iteration, after all started work has ended
 */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const taken = oneByOne(items)
  const worker = async (): Promise<void> => {
    // Returning early would close the generator for the other workers.
    for await (const item of taken) await work(item)
  }
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, worker))
  const failed = ended.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function* oneByOne<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  yield* items
}
