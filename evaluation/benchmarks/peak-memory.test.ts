import { expect, test } from 'vitest'
import { peakMemoryOf } from './peak-memory.ts'

test.runIf(process.platform === 'linux')('the peak is no less than what is resident', async () => {
  const before = process.memoryUsage.rss()
  // What the kernel counts is exact to some pages of each thread.
  expect(await peakMemoryOf(process.pid)).toBeGreaterThan(before * 0.9)
})
