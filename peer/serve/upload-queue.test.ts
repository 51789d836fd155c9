import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { sendCountsMs } from './send-counts.ts'
import { uploadFastMs } from './upload-policy.ts'
import { UploadQueue, uploadQueueMs, uploadSlotMs } from './upload-queue.ts'

const never = new AbortController().signal
const { uploadsAtOnceMin } = limits

/** A queue, and reads of one content that enter it. */
function aQueue() {
  const clock = new FakeClock()
  const queue = new UploadQueue({ clock })
  const slots: { peer: string; chunk: number; slot: Disposable }[] = []
  const enter = async (peer: string, chunk: number, signal = never): Promise<void> => {
    const slot = await queue.enter({ sha256: 'a', chunk }, { id: peer, host: peer }, signal)
    slots.push({ peer, chunk, slot })
  }
  return { clock, queue, slots, enter }
}

/** A queue whose slots are all taken by reads of chunk 0. */
async function aFullQueue() {
  const world = aQueue()
  const ended = new AbortController()
  for (let read = 0; read < uploadsAtOnceMin; read += 1)
    await world.enter('greedy', 0, ended.signal)
  return { ...world, ended, taken: world.slots.splice(0) }
}

test('the counts of an earlier swarm are forgotten', async () => {
  const { clock, queue, enter, slots } = aQueue()
  const choose = async (peer: string): Promise<number> => {
    const wanted = { sha256: 'a', chunk: 0, or: [1] }
    using slot = await queue.enter(wanted, { id: peer, host: peer }, never)
    return slot.chunk
  }
  for (const chunk of [0, 0]) await enter('early', chunk)
  for (const { slot } of slots) slot[Symbol.dispose]()
  expect(await choose('p1')).toBe(1)
  await clock.advance(sendCountsMs + 1)
  await enter('late', 1)
  expect(await choose('p2')).toBe(0)
})

test('a host that claims to be many peers fills only a part of the queue', async () => {
  const { queue } = await aFullQueue()
  const enter = (id: string, host: string): Promise<unknown> =>
    queue.enter({ sha256: 'a', chunk: 1 }, { id, host }, never)
  const { uploadsWaitingPerHostMax: max } = limits
  const waiting = Array.from({ length: max }, (_, number) => enter(`p${number}`, 'one'))
  await expect(enter('another', 'one')).rejects.toMatchObject({ code: 'BUSY' })
  waiting.push(enter('another', 'two'))
  expect(queue.length).toBe(max + 1)
})

test('the number of slots is limited; a released slot admits one more read', async () => {
  const { clock, queue, slots, enter, taken } = await aFullQueue()
  // Not so fast that more are admitted.
  await clock.advance(uploadFastMs)
  const late = [enter('p1', 1), enter('p2', 2)]
  expect(queue.length).toBe(2)
  taken[0]?.slot[Symbol.dispose]()
  taken[0]?.slot[Symbol.dispose]()
  await late[0]
  expect(slots.map(({ peer }) => peer)).toEqual(['p1'])
  taken[1]?.slot[Symbol.dispose]()
  await late[1]
  expect(queue.length).toBe(0)
})

test('chunks that were not sent yet go first', async () => {
  const { slots, enter, taken } = await aFullQueue()
  const peer = 'p1'
  const all = [enter(peer, 0), enter(peer, 1), enter(peer, 1), enter(peer, 2)]
  for (const { slot } of taken) slot[Symbol.dispose]()
  await Promise.all(all)
  expect(slots.map(({ chunk }) => chunk)).toEqual([1, 2, 1, 0])
})

test('a requester that accepts several chunks is sent the one that was sent the fewest times', async () => {
  const { queue, taken } = await aFullQueue()
  const offer = { sha256: 'a', chunk: 0, or: [1, 2] }
  const slots = ['p1', 'p2', 'p3', 'p4'].map((peer) =>
    queue.enter(offer, { id: peer, host: peer }, never),
  )
  for (const { slot } of taken) slot[Symbol.dispose]()
  const chosen = await Promise.all(slots)
  // Chunk 0 was sent to the greedy requester; among those sent once, the one listed first comes next.
  expect(chosen.map(({ chunk }) => chunk)).toEqual([1, 2, 1, 2])
})

test('a withdrawn read leaves the queue, and so do those of a closed connection', async () => {
  const { clock, queue, enter, taken, ended } = await aFullQueue()
  const stop = new AbortController()
  const withdrawn = expect(enter('greedy', 1, stop.signal)).rejects.toThrow('enough')
  stop.abort(new Error('enough'))
  await withdrawn
  expect(queue.length).toBe(0)
  ended.abort(new Error('its connection ended'))
  const others = taken.map((_, chunk) => enter('p1', chunk))
  await Promise.all(others)
  expect(clock.pending).toBe(uploadsAtOnceMin)
})

test('a slow receiver does not keep its slot', async () => {
  const { clock, queue, enter } = await aFullQueue()
  const others = Array.from({ length: uploadsAtOnceMin }, () => enter('p1', 1))
  expect(queue.length).toBe(uploadsAtOnceMin)
  await clock.advance(uploadSlotMs)
  await Promise.all(others)
})

test('a queue that is too long, or does not move in time, answers BUSY', async () => {
  const { clock, queue, enter } = await aFullQueue()
  const peer = 'p1'
  const busy = { code: 'BUSY', retryable: true }
  const stop = new AbortController()
  const waiting = Array.from({ length: limits.uploadsWaitingPerPeerMax }, () =>
    expect(enter(peer, 1, stop.signal)).rejects.toThrow('end'),
  )
  await expect(enter(peer, 1)).rejects.toMatchObject(busy)
  expect(queue.length).toBe(limits.uploadsWaitingPerPeerMax)
  stop.abort(new Error('end'))
  await Promise.all(waiting)

  const blocked = aQueue()
  for (let slot = 0; slot < uploadsAtOnceMin; slot += 1) await blocked.enter(peer, slot)
  // Slots that time out go to reads that are as slow.
  const later = Array.from({ length: limits.uploadsWaitingPerPeerMax }, () =>
    blocked.enter(peer, 1).then(
      () => 'served',
      (error: unknown) => (error as { code?: string }).code,
    ),
  )
  await blocked.clock.advance(uploadQueueMs)
  const outcomes = await Promise.all(later)
  expect(new Set(outcomes)).toEqual(new Set(['served', 'BUSY']))
  await clock.advance(0)
})

test('a read that others bound waits in a queue that is full of those of other hosts, and is answered', async () => {
  const { clock, queue } = await aFullQueue()
  const { uploadsWaitingMax, uploadsWaitingPerPeerMax } = limits
  const served: string[] = []
  const enter = async (id: string, isBackground?: true): Promise<void> => {
    const wanted = { sha256: 'a', chunk: 1, ...(isBackground && { isBackground }) }
    const slot = await queue.enter(wanted, { id, host: id }, never)
    served.push(id)
    slot[Symbol.dispose]()
  }
  const crowd = Array.from({ length: uploadsWaitingMax }, (_, number) =>
    enter(`p${Math.floor(number / uploadsWaitingPerPeerMax)}`).catch(() => {}),
  )
  await expect(enter('one more')).rejects.toMatchObject({ code: 'BUSY' })
  const proof = enter('proofs', true)
  expect(queue.length).toBe(uploadsWaitingMax + 1)
  await clock.advance(uploadQueueMs)
  await proof
  await Promise.all(crowd)
  expect(served).toContain('proofs')
})
