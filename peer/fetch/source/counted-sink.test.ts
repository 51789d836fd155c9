import { expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import { FixedBufferSink } from '../../../common/protocol/bulk.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { ConnectionProgress } from './connection-progress.ts'
import { countedSink } from './counted-sink.ts'

test('bytes that are not wanted are counted as received, and show that the source sends', async () => {
  const clock = new FakeClock()
  const progress = new ConnectionProgress({ clock })
  const received: number[] = []
  let wanted = 0
  const sink = countedSink(new FixedBufferSink(Buffer.alloc(10)), {
    purpose: 'download',
    progress,
    onReceived: (bytes) => void received.push(bytes),
    onBytes: (bytes) => (wanted += bytes),
  })
  sink.begin(10, {})
  await clock.advance(60_000)
  // A program that cannot begin elsewhere sends a large file from its front.
  await sink.skip?.(limits.bulkProgressBytesMin)
  expect(progress.lastMs).toBe(clock.monotonicMs())
  await sink.write(Buffer.alloc(10))
  expect([received, wanted]).toEqual([[limits.bulkProgressBytesMin, 10], 10])
})
