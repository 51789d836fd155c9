import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { thisMachine, thisVersion } from './machine.ts'
import { readScalingResult, type ScalingResult, type Step, writeResult } from './result.ts'
import { distributionOf } from './statistics.ts'
import { drawThroughput } from './throughput-plot.ts'

function aStep(clients: number): Step {
  const rate = {
    operations: 10,
    bytes: 10_240,
    seconds: 1 / clients,
    operationsPerSecond: 10 * clients,
    bytesPerSecond: 10_240 * clients,
  }
  const latencySeconds = distributionOf([0.1, 0.2])
  return { clients, ...rate, latencySeconds, perClient: [rate], efficiency: 1 }
}

const result: ScalingResult = {
  scaling: 'strong',
  meaning: 'The work is fixed.',
  startedAt: '2026-11-21T12:00:00.000Z',
  seconds: 2,
  version: thisVersion(),
  machine: thisMachine(),
  parameters: {
    peer: 'peer1',
    peers: 3,
    replicationFactor: 1,
    concurrency: [1, 2],
    lookups: 10,
    kb: 10,
    mb: 10,
  },
  filesChecked: 40,
  workloads: [
    { name: 'lookups', steps: [aStep(1), aStep(2)] },
    { name: 'downloads of 1 KiB', steps: [aStep(1), aStep(2)] },
    { name: 'downloads of 1 MiB', steps: [aStep(1), aStep(2)] },
  ],
}

test('is read as it was written', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'result.json')
  await writeResult(path, result)
  expect(await readScalingResult(path)).toEqual(result)
})

test('another file is refused', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'other.json')
  await writeFile(path, '{"scaling": "strong"}')
  await expect(readScalingResult(path)).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  await writeFile(path, 'not JSON')
  await expect(readScalingResult(path)).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  const missing = readScalingResult(join(folder.path, 'missing.json'))
  await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
})

test('is drawn with labels, which take most of the PNG', async () => {
  const step = { connections: 1, perSecond: 9_000, p50: 0.0001, p99: 0.0002 }
  const ofIndex = { files: 10, steps: [step, { ...step, connections: 2, perSecond: 15_000 }] }
  const alone = await drawThroughput(result, undefined)
  const png = await drawThroughput(result, ofIndex)
  expect(png.readUInt32BE(20)).toBeGreaterThan(alone.readUInt32BE(20))
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  expect(width).toBeGreaterThan(1_000)
  expect(height).toBeGreaterThan(1_000)
  expect(png.byteLength).toBeGreaterThan(80_000)
})
