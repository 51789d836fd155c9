import { expect, test } from 'vitest'
import { parseProcessorSeconds, processorSecondsOf } from './processor-time.ts'

test('user and system time are added up, whatever the process is called', () => {
  const line = '42 (a ) name) S 1 42 42 0 -1 4194304 1 2 3 4 150 75 6 7 20 0 11 0 99 1 2'
  expect(parseProcessorSeconds(line)).toBe(2.25)
})

test.runIf(process.platform === 'linux')(
  'a running process tells, one that is gone does not',
  async () => {
    const { user, system } = process.cpuUsage()
    const seconds = await processorSecondsOf(process.pid)
    expect(seconds).toBeGreaterThan((user + system) / 1e6 - 0.1)
    expect(await processorSecondsOf(2 ** 30)).toBeUndefined()
  },
)
