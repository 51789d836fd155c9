import { expect, test } from 'vitest'
import { peakMemoryOf } from './peak-memory.ts'

test.runIf(process.platform === 'linux')('the peak is no less than what is resident', async () => {
  const before = process.memoryUsage.rss()
  // The kernel's count is accurate to a few pages per thread.
  expect(await peakMemoryOf(process.pid)).toBeGreaterThan(before * 0.9)
})
