import type { Clock } from '../../common/clock.ts'
import type { Load, Rate } from './result.ts'
import { distributionOf } from './statistics.ts'

/** One client's work for one item; returns the bytes transferred. */
export type Operation<Item> = (item: Item, client: number) => Promise<number>

/**
 * Distributes `items` among `clients`, which start together and each do one operation after
 * another. A failed operation fails the run, once the others have ended.
 */
export async function runClients<Item>(
  clients: number,
  items: readonly Item[],
  operation: Operation<Item>,
  { clock }: { clock: Clock },
): Promise<Load> {
  const latencies: number[] = []
  const startedMs = clock.monotonicMs()
  const runClient = async (client: number): Promise<Rate> => {
    let operations = 0
    let bytes = 0
    for (let index = client; index < items.length; index += clients) {
      const operationMs = clock.monotonicMs()
      bytes += await operation(items[index] as Item, client)
      operations++
      latencies.push((clock.monotonicMs() - operationMs) / 1_000)
    }
    return rateOf(operations, bytes, clock.monotonicMs() - startedMs)
  }
  const outcomes = await Promise.allSettled(Array.from({ length: clients }, (_, n) => runClient(n)))
  const durationMs = clock.monotonicMs() - startedMs
  const perClient = outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
  const bytes = perClient.reduce((sum, rate) => sum + rate.bytes, 0)
  return {
    clients,
    ...rateOf(items.length, bytes, durationMs),
    latencySeconds: distributionOf(latencies),
    perClient,
  }
}

function rateOf(operations: number, bytes: number, durationMs: number): Rate {
  const seconds = durationMs / 1_000
  const per = (amount: number): number => (seconds > 0 ? amount / seconds : 0)
  return {
    operations,
    bytes,
    seconds,
    operationsPerSecond: per(operations),
    bytesPerSecond: per(bytes),
  }
}
