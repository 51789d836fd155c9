import type { TopLevelSpec } from 'vega-lite'
import { drawPng, idealColor, looks } from './draw-png.ts'
import type { IndexScaling } from './index-scaling.ts'
import type { ScalingResult, Step, Workload } from './result.ts'

const panel = { width: 300, height: 190 }

interface Unit {
  readonly title: string
  readonly color: string
  readonly of: (step: Step) => number
}

const units: Readonly<Record<Workload['name'], Unit>> = {
  lookups: { title: 'lookups/s', color: '#2f6db3', of: (step) => step.operationsPerSecond },
  'downloads of 1 KiB': {
    title: 'files/s',
    color: '#c8641b',
    of: (step) => step.operationsPerSecond,
  },
  'downloads of 1 MiB': {
    title: 'MiB/s',
    color: '#3a8a4d',
    of: (step) => step.bytesPerSecond / 2 ** 20,
  },
}

/**
 * Throughput of each workload compared with the ideal, and the efficiency of all, as a PNG; and that of an
 * index alone, if it was measured.
 */
export async function drawThroughput(
  result: ScalingResult,
  ofIndex: IndexScaling | undefined,
): Promise<Buffer> {
  return await drawPng(specOf(result, ofIndex))
}

function specOf(result: ScalingResult, ofIndex: IndexScaling | undefined): TopLevelSpec {
  const { scaling, machine, parameters, version } = result
  const { peers, lookups, kb, mb } = parameters
  const work = `${lookups} lookups, ${kb} downloads of 1 KiB and ${mb} of 1 MiB`
  return {
    background: 'white',
    padding: 16,
    title: {
      text: `Tandem ${version}: ${scaling} scaling`,
      subtitle: [
        `${work}, ${scaling === 'weak' ? 'by each client' : 'divided among the clients'}`,
        `${peers} peers, the index and the clients on one machine: ${machine.cores} cores, ${machine.cpu}`,
        'dashed: the ideal, in which n clients get n times as much done as one',
      ],
      anchor: 'start',
      offset: 18,
    },
    config: { ...looks, legend: { ...looks.legend, labelLimit: panel.width } },
    columns: 2,
    bounds: 'flush',
    spacing: { row: 90, column: 90 },
    resolve: { scale: { color: 'independent' } },
    concat: [
      ...result.workloads.map(throughputPanel),
      efficiencyPanel(result),
      ...(ofIndex === undefined ? [] : [indexPanel(ofIndex)]),
    ],
  }
}

type Panel = Extract<TopLevelSpec, { concat: unknown }>['concat'][number]

const clientsAxis = {
  field: 'clients',
  type: 'ordinal',
  title: 'concurrent clients',
  axis: { labelAngle: 0 },
} as const

/** The ideal is the throughput of the first step, multiplied by the growth in clients. */
function throughputPanel({ name, steps }: Workload): Panel {
  const unit = units[name]
  const first = steps[0] as Step
  const values = steps.map((step) => ({
    clients: step.clients,
    measured: unit.of(step),
    ideal: (unit.of(first) * step.clients) / first.clients,
  }))
  const y = (field: string) => ({ field, type: 'quantitative', title: unit.title }) as const
  return {
    ...panel,
    title: { text: name, fontSize: 14 },
    data: { values },
    layer: [
      {
        mark: { type: 'line', strokeDash: [5, 4], strokeWidth: 1.5, color: idealColor },
        encoding: { x: clientsAxis, y: y('ideal') },
      },
      {
        mark: { type: 'line', point: { color: unit.color }, color: unit.color },
        encoding: { x: clientsAxis, y: y('measured') },
      },
    ],
  }
}

function indexPanel({ files, steps }: IndexScaling): Panel {
  const color = '#7a4fa3'
  const axis = { field: 'connections', type: 'ordinal', title: 'connections' } as const
  const x = { ...axis, axis: { labelAngle: 0 } }
  const y = { field: 'perSecond', type: 'quantitative', title: 'lookups/s' } as const
  return {
    ...panel,
    title: { text: `lookups at the index alone, ${files} files`, fontSize: 14 },
    data: { values: [...steps] },
    layer: [{ mark: { type: 'line', point: { color }, color }, encoding: { x, y } }],
  }
}

function efficiencyPanel({ workloads }: ScalingResult): Panel {
  const values = workloads.flatMap(({ name, steps }) =>
    steps.map(({ clients, efficiency }) => ({ workload: name, clients, efficiency })),
  )
  return {
    ...panel,
    title: { text: 'efficiency', fontSize: 14 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, color: idealColor },
        encoding: { y: { datum: 1 } },
      },
      {
        mark: { type: 'line', point: true },
        encoding: {
          x: clientsAxis,
          y: {
            field: 'efficiency',
            type: 'quantitative',
            title: 'share of the ideal',
            axis: { format: '.0%' },
            scale: { zero: true },
          },
          color: {
            field: 'workload',
            type: 'nominal',
            title: null,
            scale: { domain: Object.keys(units), range: Object.values(units).map((u) => u.color) },
            legend: { orient: 'bottom', direction: 'vertical' },
          },
        },
      },
    ],
  }
}
