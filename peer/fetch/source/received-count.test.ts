import { expect, test } from 'vitest'
import { ReceivedCount } from './received-count.ts'

const from = (peerId: string, bytes: number) => ({
  source: { peerId, host: 'h', port: 1, kind: 'shared' as const },
  bytes,
  bytesPerSecond: 0,
})

test('what came counts once, also of sources that leave and begin anew', () => {
  const count = new ReceivedCount()
  expect(count.add([from('a', 10), from('b', 5)])).toBe(15)
  expect(count.add([from('a', 12)])).toBe(17)
  expect(count.add([from('a', 12), from('b', 1)])).toBe(18)
  expect(count.add([])).toBe(18)
})
