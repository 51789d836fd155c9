import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FollowStore } from './follow-store.ts'
import { followedAtOnce } from './follower.ts'
import { FollowWorld } from './testing/follow-world.ts'

const hashOf = (text: string): string => contentOf(Buffer.from(text)).content.sha256
const noSource = new AppError('NO_SOURCE', { name: 'a', tried: 'peer2' })

describe('a followed pattern', () => {
  test('fetches the files that match now and later, a few at a time', async () => {
    const world = new FollowWorld()
    const names = Array.from({ length: 10 }, (_, number) => `photos/${number}`)
    for (const name of [...names, 'other']) world.add(name, name)
    expect(world.follower.follow({ pattern: 'photos/**' })).toMatchObject({ isListed: false })
    await world.pass()
    expect(world.running).toEqual(names.slice(0, followedAtOnce))
    for (const name of names) await world.done(name)
    await world.pass(2_000)
    const [followed] = world.follower.list()
    expect(followed).toMatchObject({ isListed: true, files: 10, held: 10, waiting: 0 })
    world.add('photos/new', 'new')
    await world.pass(2_000)
    expect(world.running).toEqual(['photos/new'])
  })

  test('notices news soon, however long its downloads took', async () => {
    const world = new FollowWorld()
    const names = Array.from({ length: 2 * followedAtOnce }, (_, number) => `photos/${number}`)
    for (const name of names) world.add(name, name)
    world.follower.follow({ pattern: 'photos/**' })
    await world.pass()
    for (const name of names) {
      await world.pass(600_000)
      await world.done(name)
    }
    await world.pass(2_000)
    world.add('photos/new', 'new')
    await world.pass(2_000)
    expect(world.running).toEqual(['photos/new'])
  })

  test('notices news soon after the index was away for long', async () => {
    const world = new FollowWorld()
    world.isAway = true
    world.follower.follow({ pattern: 'photos/**' })
    await world.pass(600_000)
    world.isAway = false
    world.change()
    await world.pass(2_000)
    world.add('photos/new', 'new')
    await world.pass(2_000)
    expect(world.running).toEqual(['photos/new'])
  })

  test('asks the index only after changes', async () => {
    const world = new FollowWorld()
    world.add('a', 'a')
    world.downloaded.set('a', 'a')
    world.follower.follow({ pattern: 'a' })
    await world.pass(60_000)
    expect(world.pages).toBe(1)
    for (let changes = 0; changes < 100; changes += 1) world.change()
    await world.pass(500)
    world.change()
    await world.pass(60_000)
    expect(world.pages).toBeLessThanOrEqual(3)
  })

  test('replaces what it put there by a new version, and by nothing else', async () => {
    const world = new FollowWorld()
    world.add('a', 'one')
    world.follower.follow({ pattern: 'a' })
    await world.pass()
    await world.done('a')
    world.add('a', 'two')
    await world.pass(2_000)
    expect(world.asked.at(-1)).toMatchObject({
      sha256: hashOf('two'),
      replacesOnly: [hashOf('one')],
    })
    // A third version while the second one is fetched.
    await world.fail('a', noSource)
    world.add('a', 'three')
    await world.pass(2_000)
    expect(world.asked.at(-1)?.replacesOnly).toEqual([hashOf('one'), hashOf('two')])
  })

  test('leaves files that their user changed, removed, cancelled, or has had', async () => {
    const world = new FollowWorld()
    world.downloaded.set('had', 'of the user')
    for (const name of ['had', 'own', 'edited', 'removed', 'cancelled']) world.add(name, 'one')
    world.shared.add('own')
    world.follower.follow({ pattern: '**' })
    await world.pass()
    expect(world.running.toSorted()).toEqual(['cancelled', 'edited', 'removed'])
    for (const name of ['edited', 'removed']) await world.done(name)
    const cancelled = world.asked.find(({ download }) => download.name === 'cancelled')
    await world.downloads.cancel(cancelled?.download.id ?? '')
    world.downloaded.set('edited', 'of the user')
    world.downloaded.delete('removed')
    for (const name of ['edited', 'removed', 'cancelled']) world.add(name, 'two')
    await world.pass(2_000)
    expect(world.running).toEqual([])
    expect(world.follower.list()).toMatchObject([{ files: 5, held: 0, kept: 5, failed: 0 }])
  })

  test('goes on where it was after a restart', async () => {
    const store = new FollowStore(':memory:', { log: silentLog })
    const world = new FollowWorld(store)
    for (const name of ['a', 'b']) world.add(name, 'one')
    world.follower.follow({ pattern: '**', newest: 5 })
    await world.pass()
    await world.done('a')
    await world.follower[Symbol.asyncDispose]()
    const next = new FollowWorld(store)
    for (const name of ['a', 'b']) next.add(name, 'two')
    // It was moved into its place, but that was not noted.
    for (const name of ['a', 'b']) next.downloaded.set(name, 'one')
    expect(next.follower.list()).toMatchObject([{ pattern: '**', newest: 5 }])
    await next.pass()
    expect(next.asked).toMatchObject([
      { replacesOnly: [hashOf('one')] },
      { replacesOnly: [hashOf('one')] },
    ])
  })

  test('waits for what the peer has, and ends before that if told to', async () => {
    const scan = Promise.withResolvers<void>()
    const world = new FollowWorld(new FollowStore(':memory:', { log: silentLog }), scan.promise)
    world.add('a', 'a')
    world.follower.follow({ pattern: 'a' })
    await world.pass(60_000)
    expect(world.pages).toBe(0)
    await world.follower[Symbol.asyncDispose]()
  })

  test('can be limited to the newest files', async () => {
    const world = new FollowWorld()
    for (let number = 0; number < 9; number += 1) world.add(`${number}`, `${number}`, 10 - number)
    world.follower.follow({ pattern: '**', newest: 2 })
    await world.pass()
    expect(world.running).toEqual(['0', '1'])
    for (const name of ['0', '1']) await world.done(name)
    world.add('8', 'newer', 20)
    await world.pass(2_000)
    expect(world.running).toEqual(['8'])
    expect(world.downloaded.has('1')).toBe(true)
  })
})

describe('a file that fails', () => {
  test('is retried later and later, and holds up no other', async () => {
    const world = new FollowWorld()
    world.add('a', 'a')
    world.follower.follow({ pattern: '**' })
    await world.pass()
    await world.fail('a', noSource)
    world.add('b', 'b')
    await world.pass(2_000)
    expect(world.running).toEqual(['b'])
    expect(world.follower.problem).toMatchObject({ failed: 1, error: { code: 'NO_SOURCE' } })
    await world.done('b')
    await world.pass(5_000)
    expect(world.running).toEqual(['a'])
    await world.fail('a', noSource)
    await world.pass(4_000)
    expect(world.running).toEqual([])
    await world.pass(10_000)
    expect(world.running).toEqual(['a'])
    await world.done('a')
    await world.pass(2_000)
    expect(world.follower.problem).toBeUndefined()
  })

  test('is resumed when a disk was full, but not when its user paused it', async () => {
    const world = new FollowWorld()
    for (const name of ['a', 'b']) world.add(name, name)
    world.follower.follow({ pattern: '**' })
    await world.pass()
    await world.fail('a', new AppError('DISK_FULL', { path: '/', neededBytes: 1 }))
    await world.fail('b', new AppError('PAUSED', { name: 'b', id: 'd2' }))
    await world.pass(30_000)
    expect(world.running).toEqual(['a'])
    expect(world.asked).toHaveLength(2)
  })

  test('an index that does not answer is asked again after a while', async () => {
    const world = new FollowWorld()
    world.add('a', 'a')
    world.failure = new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })
    world.follower.follow({ pattern: '**' })
    await world.pass(60_000)
    expect(world.follower.problem).toMatchObject({ error: { code: 'INDEX_UNREACHABLE' } })
    expect(world.pages).toBeLessThan(10)
    world.failure = undefined
    await world.pass(60_000)
    expect(world.running).toEqual(['a'])
  })
})

describe('the rules', () => {
  test('end with their downloads, and leave the files', async () => {
    const world = new FollowWorld()
    for (const name of ['a', 'b', 'c']) world.add(name, name)
    const { follower } = world
    for (const pattern of ['a', 'b']) follower.follow({ pattern })
    await world.pass(2_000)
    expect(world.running).toEqual(['a', 'b'])
    await follower.unfollow('./a')
    await expect(follower.unfollow('a')).rejects.toMatchObject({ code: 'NOT_FOLLOWED' })
    await world.done('b')
    await world.pass(10_000)
    expect(world.running).toEqual([])
    expect(follower.list()).toMatchObject([{ pattern: 'b', held: 1 }])
  })

  test('a large one holds up no small one', async () => {
    const world = new FollowWorld()
    for (let number = 0; number < 20; number += 1) world.add(`large/${number}`, `${number}`)
    world.add('small', 'small')
    for (const pattern of ['large/**', 'small']) world.follower.follow({ pattern })
    await world.pass()
    expect(world.running).toHaveLength(followedAtOnce)
    for (let ended = 0; ended < 3 && !world.running.includes('small'); ended += 1)
      await world.done(world.running[0] ?? '')
    expect(world.running).toContain('small')
    expect(world.running.length).toBeLessThanOrEqual(followedAtOnce)
  })

  test('a pattern that is followed again fetches what was removed', async () => {
    const world = new FollowWorld()
    world.add('a', 'a')
    const { follower } = world
    follower.follow({ pattern: 'a' })
    await world.pass()
    await world.done('a')
    world.downloaded.delete('a')
    await world.pass(2_000)
    expect(world.running).toEqual([])
    await follower.unfollow('a')
    follower.follow({ pattern: 'a' })
    await world.pass(2_000)
    expect(world.running).toEqual(['a'])
  })

  test('are bounded, and so is a pattern', async () => {
    const world = new FollowWorld()
    const { follower } = world
    for (let number = 0; number < 100; number += 1) follower.follow({ pattern: `p${number}` })
    expect(() => follower.follow({ pattern: 'one more' })).toThrow('already follows 100 patterns')
    expect(follower.follow({ pattern: 'p7', newest: 3 })).toMatchObject({ newest: 3 })
    expect(() => follower.follow({ pattern: '/etc/**' })).toThrow('cannot be used as a name')
    await world.pass()
  })
})
