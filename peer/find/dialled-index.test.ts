import { expect, test } from 'vitest'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakeIndex } from '../testing/fake-index.ts'
import { DialledIndex } from './dialled-index.ts'

const signal = new AbortController().signal

function aWorld() {
  const clock = new FakeClock()
  const dependencies = { clock, transport: new MemoryTransport(), log: silentLog }
  const index = new FakeIndex(dependencies)
  return { clock, index, link: new DialledIndex(index.address, dependencies) }
}

test('an index that is not running is reported immediately', async () => {
  const { link } = aWorld()
  await using _ = link
  await expect(link.connected(signal)).rejects.toMatchObject({
    code: 'INDEX_UNREACHABLE',
    details: { address: '127.0.0.1:7000' },
  })
})

test('a client does not register, keeps its connection, and dials again after losing it', async () => {
  const { clock, index, link } = aWorld()
  await using _ = link
  await index.start()
  const first = await link.connected(signal)
  expect(await link.connected(signal)).toBe(first)
  expect(index.hellos).toEqual([{ protocol: 'tandem/1', role: 'client' }])
  first.destroy()
  await clock.advance(0)
  const second = await link.connected(signal)
  expect(second).not.toBe(first)
  await link[Symbol.asyncDispose]()
  expect(second.isOpen).toBe(false)
  await index[Symbol.asyncDispose]()
})
