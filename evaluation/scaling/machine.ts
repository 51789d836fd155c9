import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { systemClock } from '../../common/clock.ts'
import type { ScalingResult } from './result.ts'

/** The machine that the figures of a run depend on. */
export function thisMachine(): ScalingResult['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
  }
}

/** Tandem's own version. */
export function thisVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** The conditions of a measurement: when, with what and where. */
export interface Conditions {
  startedAt: string
  version: string
  machine: ScalingResult['machine']
  /** Of the preceding minute: other work of the machine. */
  loadAverage: number
}

export function conditionsNow(): Conditions {
  return {
    startedAt: new Date(systemClock.nowMs()).toISOString(),
    version: thisVersion(),
    machine: thisMachine(),
    loadAverage: loadavg()[0] ?? 0,
  }
}
