import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Problem } from '../api/problem.ts'
import { nameBeside } from './name-beside.ts'
import { type Copies, type SendOptions, UploadQueue } from './upload-queue.ts'

interface Sending {
  readonly name: string
  readonly options: SendOptions
  readonly finish: () => void
  readonly fail: (code: string) => void
}

function world(): { queue: UploadQueue; sending: Sending[]; copies: Map<string, Copies> } {
  const sending: Sending[] = []
  const copies = new Map<string, Copies>()
  const queue = new UploadQueue({
    send: ({ name }, options) => {
      const { promise, resolve, reject } = Promise.withResolvers<{ sha256: string }>()
      options.signal.addEventListener('abort', () => reject(new Error('aborted')))
      const fail = (code: string): void =>
        reject(new Problem(`It is ${code}.`, { code, status: 409, isRetryable: false }))
      sending.push({ name, options, finish: () => resolve({ sha256: `hash of ${name}` }), fail })
      return promise
    },
    copiesOf: async (name) => {
      if (name === 'unknowable')
        throw new Problem('No.', { code: 'BAD_REQUEST', status: 400, isRetryable: false })
      return copies.get(name)
    },
  })
  return { queue, sending, copies }
}

const files = (...names: string[]): { name: string; file: Blob }[] =>
  names.map((name) => ({ name, file: new Blob([name]) }))
const states = (queue: UploadQueue): string[] =>
  queue.uploads.value.map(({ name, state }) => `${name} ${state}`)

test('three are sent at the same time, the others in order', async () => {
  const { queue, sending } = world()
  queue.add(files('a', 'b', 'c', 'd'))
  expect(sending.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  sending[1]?.finish()
  await turn()
  expect(states(queue)).toEqual(['a sending', 'b copying', 'c sending', 'd sending'])
})

test('one is done when as many peers have it as should', async () => {
  const { queue, sending, copies } = world()
  queue.add(files('a'))
  sending[0]?.options.onProgress(1)
  expect(queue.uploads.value[0]?.sentBytes).toBe(1)
  sending[0]?.finish()
  await turn()
  copies.set('a', { peers: ['peer1'], factor: 2 })
  await queue.look()
  expect(states(queue)).toEqual(['a copying'])
  copies.set('a', { peers: ['peer1', 'peer3'], factor: 2 })
  await queue.look()
  expect(queue.uploads.value[0]).toMatchObject({ state: 'done', peers: ['peer1', 'peer3'] })
  queue.clear()
  expect(queue.uploads.value).toEqual([])
})

describe('a name that exists', () => {
  test('is asked about once, for all', async () => {
    const { queue, sending } = world()
    queue.add(files('a', 'b', 'c', 'd'))
    sending[0]?.fail('NAME_EXISTS')
    await turn()
    expect(states(queue)[0]).toBe('a exists')
    queue.resolve('replace')
    sending[1]?.fail('NAME_EXISTS')
    await turn()
    const again = sending.slice(3).map(({ name, options }) => [name, options.replace])
    expect(again).toEqual([
      ['d', false],
      ['a', true],
    ])
    sending[2]?.finish()
    await turn()
    expect(sending.at(-1)).toMatchObject({ name: 'b', options: { replace: true } })
  })

  test('is asked about again for a later selection', async () => {
    const { queue, sending } = world()
    queue.add(files('a'))
    sending[0]?.fail('NAME_EXISTS')
    await turn()
    queue.resolve('skip')
    expect(states(queue)).toEqual(['a cancelled'])
    queue.add(files('b'))
    sending[1]?.fail('NAME_EXISTS')
    await turn()
    expect(states(queue)).toEqual(['a cancelled', 'b exists'])
  })

  test('may get another one', async () => {
    const { queue, sending } = world()
    queue.add(files('a.txt', 'a (2).txt'))
    sending[0]?.fail('NAME_EXISTS')
    await turn()
    queue.resolve('keep both')
    expect(sending.at(-1)?.name).toBe('a (3).txt')
  })
})

test('one whose copies cannot be told does not hold up the others', async () => {
  const { queue, sending, copies } = world()
  queue.add(files('unknowable', 'b'))
  for (const { finish } of sending) finish()
  copies.set('b', { peers: ['peer1', 'peer3'], factor: 2 })
  await turn()
  await queue.look()
  expect(states(queue)).toEqual(['unknowable copying', 'b done'])
})

test('a failure says why and can be retried', async () => {
  const { queue, sending } = world()
  queue.add(files('a'))
  sending[0]?.fail('DISK_FULL')
  await turn()
  expect(queue.uploads.value[0]).toMatchObject({ state: 'failed', failure: 'It is DISK_FULL.' })
  queue.retry(1)
  sending[1]?.finish()
  await turn()
  expect(states(queue)).toEqual(['a copying'])
})

test('what is cancelled is not sent on, and makes room', async () => {
  const { queue, sending } = world()
  queue.add(files('a', 'b', 'c', 'd', 'e'))
  queue.cancel(1)
  await turn()
  expect(sending[0]?.options.signal.aborted).toBe(true)
  expect(states(queue).slice(0, 4)).toEqual(['a cancelled', 'b sending', 'c sending', 'd sending'])
  queue.cancelAll()
  await turn()
  expect([queue.isUnfinished, sending.length]).toEqual([false, 4])
})

test.each([
  ['a.txt', 'a (2).txt'],
  ['b.c/a', 'b.c/a (2)'],
  ['a (9).tar.gz', 'a (9).tar (2).gz'],
  ['a (2).txt', 'a (3).txt'],
  ['.env', '.env (2)'],
])('beside %s is %s', (name, beside) => {
  expect(nameBeside(name)).toBe(beside)
})
