/**
 * Does `work` for every item, `atOnce` at a time, and takes the next item only when one is done.
 * After a failure no further item is begun.
 * @throws what `work` or the iteration threw first, when all that was begun has ended
 */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const taken = oneByOne(items)
  const worker = async (): Promise<void> => {
    // A loop that ends early closes the generator for all of them.
    for await (const item of taken) await work(item)
  }
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker))
  const failed = ended.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function* oneByOne<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  yield* items
}
