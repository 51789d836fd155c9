/** The format of the scaling results in evaluation/results/, which the plots are drawn from. */
import { readFile, writeFile } from 'node:fs/promises'
import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { AppError } from '../../common/errors.ts'

const Distribution = Type.Object({
  count: Type.Integer(),
  mean: Type.Number(),
  /** Sample standard deviation (n - 1). */
  stdev: Type.Number(),
  min: Type.Number(),
  p50: Type.Number(),
  p95: Type.Number(),
  p99: Type.Number(),
  max: Type.Number(),
})
export type Distribution = Static<typeof Distribution>

const rate = {
  operations: Type.Integer(),
  bytes: Type.Integer(),
  seconds: Type.Number(),
  operationsPerSecond: Type.Number(),
  bytesPerSecond: Type.Number(),
}
const Rate = Type.Object(rate)
export type Rate = Static<typeof Rate>

const load = {
  clients: Type.Integer({ minimum: 1 }),
  ...rate,
  latencySeconds: Distribution,
  perClient: Type.Array(Rate),
}
const Load = Type.Object(load)
/** The work of concurrent clients. */
export type Load = Static<typeof Load>

/** `efficiency`: the achieved share of the ideal, n times the throughput of one client. */
const Step = Type.Object({ ...load, efficiency: Type.Number() })
export type Step = Static<typeof Step>

const Workload = Type.Object({
  name: Type.Union([
    Type.Literal('lookups'),
    Type.Literal('downloads of 1 KiB'),
    Type.Literal('downloads of 1 MiB'),
  ]),
  steps: Type.Array(Step, { minItems: 1 }),
})
export type Workload = Static<typeof Workload>

export const ScalingResult = Type.Object({
  scaling: Type.Union([Type.Literal('weak'), Type.Literal('strong')]),
  meaning: Type.String(),
  startedAt: Type.String(),
  seconds: Type.Number(),
  version: Type.String(),
  machine: Type.Object({
    cpu: Type.String(),
    cores: Type.Integer(),
    memoryBytes: Type.Integer(),
    system: Type.String(),
    node: Type.String(),
  }),
  parameters: Type.Object({
    peer: Type.String(),
    peers: Type.Integer(),
    replicationFactor: Type.Integer(),
    concurrency: Type.Array(Type.Integer()),
    lookups: Type.Integer(),
    kb: Type.Integer(),
    mb: Type.Integer(),
  }),
  /** Files whose SHA-256 was compared with the original; all were equal. */
  filesChecked: Type.Integer(),
  workloads: Type.Array(Workload),
})
export type ScalingResult = Static<typeof ScalingResult>

export async function writeResult(path: string, result: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`)
}

/** @throws AppError FILE_NOT_FOUND, SETTING_INVALID if the file is not a scaling result */
export async function readScalingResult(path: string): Promise<ScalingResult> {
  return await readResult(path, ScalingResult)
}

/** @throws AppError FILE_NOT_FOUND, SETTING_INVALID if the file does not match `schema` */
export async function readResult<T extends TSchema>(path: string, schema: T): Promise<Static<T>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AppError('FILE_NOT_FOUND', { path }, { cause })
  })
  const result = parseJson(text)
  if (Value.Check(schema, result)) return result
  const [problem] = Value.Errors(schema, result)
  const reason = `is not a scaling result at ${problem?.instancePath || '/'}`
  throw new AppError('SETTING_INVALID', { origin: '--input', path, reason })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
