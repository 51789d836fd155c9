import { expect, test } from 'vitest'
import { BackgroundWork } from '../common/background.ts'
import { AppError } from '../common/errors.ts'
import { MemoryTransport } from '../common/protocol/memory-transport.ts'
import { startServer } from '../common/protocol/server.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { dialBackOver } from './dial-back.ts'
import { dialBacksAtOnce, Reachability } from './reachability.ts'

test('few addresses are dialled at a time, and every one in the end', async () => {
  const clock = new FakeClock()
  await using background = new BackgroundWork({ log: silentLog })
  let running = 0
  let most = 0
  const dialBack = async (): Promise<void> => {
    running++
    most = Math.max(most, running)
    await clock.sleep(100)
    running--
  }
  using reachability = new Reachability({
    dialBack,
    clock,
    random: seededRandom('dial'),
    background,
    onChecked: () => {},
  })
  const ids = Array.from({ length: 5 * dialBacksAtOnce }, (_, number) => `peer${number}`)
  for (const id of ids) reachability.watch(id, { host: 'h', port: 1 })
  await clock.advance(600)
  expect(most).toBe(dialBacksAtOnce)
  expect(ids.filter((id) => reachability.of(id).name !== 'reachable')).toEqual([])
})

test('an address that stays dead is dialled ever more seldom, however many complain', async () => {
  const clock = new FakeClock()
  await using background = new BackgroundWork({ log: silentLog })
  let dials = 0
  const dialBack = async (): Promise<void> => {
    dials++
    throw new AppError('DIAL_FAILED', { address: 'h:1', reason: 'refused' })
  }
  using reachability = new Reachability({
    dialBack,
    clock,
    random: seededRandom('dial'),
    background,
    onChecked: () => {},
  })
  reachability.watch('peer1', { host: 'h', port: 1 })
  await clock.advance(600_000)
  expect(dials).toBeGreaterThan(10)
  expect(dials).toBeLessThan(30)
  const before = dials
  for (let complaint = 0; complaint < 1_000; complaint++) {
    reachability.doubt('peer1')
    await clock.advance(10)
  }
  expect(dials - before).toBeLessThanOrEqual(4)
  reachability.pause('peer1')
  const paused = dials
  await clock.advance(600_000)
  expect(dials).toBe(paused)

  reachability.watch('peer1', { host: 'h', port: 1 })
  reachability.pause('peer1')
  await clock.advance(600_000)
  expect(dials).toBe(paused + 1)
})

test('only the peer itself counts as having answered', async () => {
  const clock = new FakeClock()
  const transport = new MemoryTransport()
  const address = { host: '127.0.0.1', port: 7_100 }
  await using _ = await startServer(
    { role: 'peer', address, connectionsMax: 10 },
    {
      transport,
      clock,
      log: silentLog,
      handlers: {} as never,
      welcome: async () => ({ reply: { peerId: 'peer1' }, session: undefined }),
    },
  )
  const dialBack = dialBackOver(transport, { clock, log: silentLog })
  const { signal } = new AbortController()
  await dialBack('peer1', address, signal)
  await expect(dialBack('peer2', address, signal)).rejects.toMatchObject({
    code: 'DIAL_FAILED',
    details: { reason: 'the peer at this address is peer1' },
  })
  await expect(dialBack('peer1', { ...address, port: 7_101 }, signal)).rejects.toMatchObject({
    code: 'DIAL_FAILED',
  })
})
