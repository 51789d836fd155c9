import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { FolderQueues, folderQueueMs } from './folder-queues.ts'

const fileIn = (folder: string) => ({ root: '/data', diskName: `${folder}/file` })

test('work that does not end blocks only its own folder, and callers no longer than the deadline', async () => {
  const clock = new FakeClock()
  const queues = new FolderQueues({ clock })
  const { promise: hanging, resolve } = Promise.withResolvers<string>()
  const ran: string[] = []
  const first = queues.run(fileIn('a'), () => hanging)
  const second = queues.run(fileIn('a'), async () => void ran.push('second'))
  const both = Promise.allSettled([first, second])
  expect(await queues.run(fileIn('b'), async () => 'other')).toBe('other')

  await clock.advance(folderQueueMs)
  expect(await both).toMatchObject([
    { reason: { code: 'DISK_FAILED' } },
    { reason: { code: 'DISK_FAILED' } },
  ])
  resolve('late')
  expect(await queues.run(fileIn('a'), async () => 'third')).toBe('third')
  expect(ran).toEqual([])
})

test('work in one folder runs in order, one piece at a time, also after a failure', async () => {
  const queues = new FolderQueues({ clock: new FakeClock() })
  const ran: number[] = []
  const results = await Promise.allSettled(
    [1, 2, 3].map((number) =>
      queues.run(fileIn('a'), async () => {
        await Promise.resolve()
        ran.push(number)
        if (number === 2) throw new Error('it failed')
        return number
      }),
    ),
  )
  expect(ran).toEqual([1, 2, 3])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
