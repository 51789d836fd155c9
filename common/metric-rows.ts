import { Counter, Gauge, type Registry } from '@prometheus-io/client'

/** By label value. */
type Values = Readonly<Record<string, number>>

/** A metric that is queried on each scrape. */
export interface MetricRow<Source> {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  /** A sentence for readers. */
  readonly help: string
  /** The label that distinguishes the values; absent for a single value. */
  readonly label?: string
  readonly read: (source: Source) => number | Values | Promise<number | Values>
}

export function registerMetrics<Source>(
  registry: Registry,
  rows: readonly MetricRow<Source>[],
  source: Source,
): void {
  for (const { name, kind, help, label, read } of rows) {
    const common = { name, help, labelNames: label === undefined ? [] : [label] }
    const samples = async (): Promise<[labels: Record<string, string>, value: number][]> => {
      const found = await read(source)
      if (typeof found === 'number' || label === undefined) return [[{}, Number(found)]]
      return Object.entries(found).map(([key, value]) => [{ [label]: key }, value])
    }
    // The constructor registers it.
    if (kind === 'gauge')
      new Gauge({
        ...common,
        registers: [registry],
        async collect() {
          const found = await samples()
          this.reset()
          for (const [labels, value] of found) this.set(labels, value)
        },
      })
    else
      new Counter({
        ...common,
        registers: [registry],
        async collect() {
          const found = await samples()
          this.reset()
          for (const [labels, value] of found) this.inc(labels, value)
        },
      })
  }
}
