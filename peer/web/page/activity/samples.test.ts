import { expect, test } from 'vitest'
import { columnsOf, hourMs, withSample } from './samples.ts'

const sampleAt = (timeMs: number) => ({
  timeMs,
  uploadBytesPerSecond: timeMs,
  downloadBytesPerSecond: 0,
  lookupsPerSecond: 0,
})

test('no line crosses the time in which the peer was not running', () => {
  const { times, valuesOf } = columnsOf([10, 20, 30, 90].map(sampleAt), 10)
  expect(times).toEqual([10, 20, 30, 40, 90])
  expect(valuesOf((sample) => sample.uploadBytesPerSecond)).toEqual([10, 20, 30, null, 90])
  expect(valuesOf((sample) => sample.p50Ms)).toEqual([null, null, null, null, null])
})

test('a new sample replaces itself, and those older than an hour go', () => {
  const samples = [1, 2, 3].map(sampleAt)
  expect(withSample(samples, sampleAt(3)).map(({ timeMs }) => timeMs)).toEqual([1, 2, 3])
  expect(withSample(samples, sampleAt(hourMs + 1)).map(({ timeMs }) => timeMs)).toEqual([
    2,
    3,
    hourMs + 1,
  ])
})
