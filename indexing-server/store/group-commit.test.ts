import SQLite from 'better-sqlite3'
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

test.each<[string, Error]>([
  ['an operating error', new AppError('SEQUENCE_GAP', { expected: 1, got: 2 })],
  ['a bug', new TypeError('a bug')],
  ['a number that is not whole', new SQLite.SqliteError('REAL', 'SQLITE_CONSTRAINT_DATATYPE')],
  ['a number out of range', new RangeError('too large')],
])('%s fails its own job alone', async (_, error) => {
  const { group } = setUp()
  const neighbours = [group.add(1, () => 'before')]
  const failing = group.add(1, () => {
    throw error
  })
  const failed = expect(failing).rejects.toBe(error)
  neighbours.push(group.add(1, () => 'after'))
  group.flush()
  await failed
  expect(await Promise.all(neighbours)).toEqual(['before', 'after'])
})

test.each(['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY', 'SQLITE_BUSY'])(
  '%s fails the whole group',
  async (code) => {
    const { group } = setUp()
    const broken = Promise.allSettled([
      group.add(1, () => 'innocent'),
      group.add(1, () => {
        throw new SQLite.SqliteError('no', code)
      }),
    ])
    group.flush()
    for (const job of await broken)
      expect(job).toMatchObject({
        status: 'rejected',
        reason: expect.any(SQLite.SqliteError) as unknown,
      })
  },
)

test('when the commit fails no caller is told that it succeeded', async () => {
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
