import { expect, test } from 'vitest'
import { AppError, hasCode } from '../../common/errors.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { GroupCommit, type Transaction } from './group-commit.ts'

function setUp(transaction: Transaction = (work) => work()) {
  const clock = new FakeClock()
  let depth = 0
  let commits = 0
  const counted: Transaction = (work, isDurable) => {
    depth++
    try {
      transaction(work, isDurable)
    } finally {
      depth--
    }
    if (depth === 0) commits++
  }
  const group = new GroupCommit({ delayMs: 2, weightMax: 10 }, { clock, transaction: counted })
  return { clock, group, commits: () => commits }
}

test('jobs of one moment share a transaction, and resolve after it', async () => {
  const { clock, group, commits } = setUp()
  const results = Promise.all([group.add(1, () => 'a'), group.add(1, () => 'b')])
  await clock.advance(1)
  expect(commits()).toBe(0)
  await clock.advance(1)
  expect(await results).toEqual(['a', 'b'])
  expect(commits()).toBe(1)
})

test('one durable job makes its group durable, and no other', async () => {
  const groups: boolean[] = []
  let depth = 0
  const { clock, group } = setUp((work, isDurable) => {
    if (depth++ === 0) groups.push(isDurable)
    work()
    depth--
  })
  const jobs = [
    group.add(1, () => {}),
    group.add(1, () => {}, { isDurable: true }),
    group.add(1, () => {}, { isDurable: true }),
  ]
  await clock.advance(2)
  jobs.push(group.add(1, () => {}))
  await clock.advance(2)
  await Promise.all(jobs)
  expect(groups).toEqual([true, false])
})

test('a heavy group does not wait', async () => {
  const { group, commits } = setUp()
  expect(await group.add(10, () => 'heavy')).toBe('heavy')
  expect(commits()).toBe(1)
  group.flush()
  expect(commits()).toBe(1)
})

test('an operating error is its own job’s; any other failure is everybody’s', async () => {
  const { group } = setUp()
  const refused = expect(
    group.add(1, () => {
      throw new AppError('SEQUENCE_GAP', { expected: 1, got: 2 })
    }),
  ).rejects.toThrow(AppError)
  const fine = group.add(1, () => 'fine')
  group.flush()
  await refused
  expect(await fine).toBe('fine')

  const broken = Promise.allSettled([
    group.add(1, () => 'innocent'),
    group.add(1, () => {
      throw new TypeError('a bug')
    }),
  ])
  group.flush()
  for (const job of await broken)
    expect(job).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) as unknown })
})

test('when the commit fails nobody is told that it worked', async () => {
  const full = new AppError('DISK_FAILED', { action: 'write', path: 'd', reason: 'full' })
  let depth = 0
  const { group } = setUp((work) => {
    depth++
    work()
    depth--
    if (depth === 0) throw full
  })
  const error: unknown = await group.add(10, () => 'done').catch((caught: unknown) => caught)
  expect(hasCode(error, 'DISK_FAILED')).toBe(true)
})
