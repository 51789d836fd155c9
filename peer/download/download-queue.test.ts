import { expect, test } from 'vitest'
import { DownloadQueue, downloadsStarvedMax } from './download-queue.ts'
import type { Background } from './download-records.ts'

const aDownload = (name: string) => ({
  request: { name },
  background: undefined as Background | undefined,
  isStarved: false,
})
const aFollowed = (name: string) => ({
  ...aDownload(name),
  background: { startedBy: 'follow' as const, replacesOnly: [] },
})

test('a bounded number runs, in the order of the queue, and no two of one name', () => {
  const queue = new DownloadQueue({ atOnce: 2 })
  const [a, sameAsA, b, c] = ['a', 'a', 'b', 'c'].map(aDownload)
  for (const one of [a, sameAsA, b, c]) if (one) queue.add(one)
  expect([queue.next(), queue.next(), queue.next()]).toEqual([a, b, undefined])
  if (b) queue.leave(b)
  expect(queue.next()).toBe(c)
  if (a) queue.leave(a)
  expect(queue.next()).toBe(sameAsA)
  expect([queue.waitingCount, queue.runningCount]).toEqual([0, 2])
})

test('those that are sent nothing take no place, but are not let run without end', () => {
  const queue = new DownloadQueue({ atOnce: 1 })
  for (let number = 0; number < 2 * downloadsStarvedMax; number += 1)
    queue.add(aDownload(String(number)))
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    expect(queue.next()).toBeUndefined()
    next.isStarved = true
    expect(queue.isFullFor(next)).toBe(false)
  }
  expect(queue.runningCount).toBe(1 + downloadsStarvedMax)
})

test('the end of a run can be waited for, and the download may be first again', async () => {
  const queue = new DownloadQueue({ atOnce: 1 })
  const [a, b] = [aDownload('a'), aDownload('b')]
  queue.add(a)
  queue.add(b)
  queue.next()
  const ended = queue.runOf(a)
  queue.leave(a)
  await ended
  expect(queue.runOf(a)).toBeUndefined()
  queue.addFirst(a)
  expect([queue.remove(b), queue.remove(b)]).toEqual([true, false])
  expect(queue.next()).toBe(a)
})

test('background downloads run while no download of a user does or could, and yield to it', () => {
  const queue = new DownloadQueue({ atOnce: 2 })
  const [f, g] = [aFollowed('f'), aFollowed('g')]
  const [user, sameAsF] = [aDownload('user'), aDownload('f')]
  for (const one of [f, user, g]) queue.add(one)
  expect([queue.next(), queue.next()]).toEqual([user, undefined])
  // It has no source now.
  user.isStarved = true
  expect([queue.next(), queue.next(), queue.next()]).toEqual([f, g, undefined])
  expect(queue.yielding).toEqual([])
  user.isStarved = false
  expect([queue.yielding, queue.isFullFor(f), queue.isFullFor(user)]).toEqual([[f, g], true, false])
  queue.leave(user)
  expect(queue.yielding).toEqual([])
  queue.add(sameAsF)
  expect([queue.next(), queue.yielding]).toEqual([undefined, [f, g]])
  queue.leave(f)
  expect(queue.next()).toBe(sameAsF)
})
