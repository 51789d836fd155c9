import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import {
  bigFile,
  codeOf,
  contentOf,
  IndexCluster,
  type TestPeer,
} from '../testing/index-cluster.ts'
import { ReplacedVersions, replacedCheckMs } from './replaced-versions.ts'

const graceMs = 60_000
const settings = { replacedMs: graceMs, replacedBytes: 1_000 }

/** A file `a` with content v1 on peer1, its owner, and on peer2. */
async function aReplicatedFile(options = {}) {
  const cluster = await IndexCluster.start({ ...settings, ...options })
  const owner = await cluster.peer('peer1')
  const keeper = await cluster.peer('peer2')
  await owner.shares('a', 'v1')
  await cluster.advance(3_000)
  expect(keeper.tasks).toMatchObject([{ kind: 'replicate', content: contentOf('v1') }])
  keeper.tasks.length = 0
  return { cluster, owner, keeper }
}

async function versionsOf(asker: TestPeer): Promise<[string, string, number][]> {
  const { versions } = await asker.ask('versions', { name: 'a' })
  const texts = ['v1', 'v2', 'v3', 'v4', 'v5', '']
  return versions.map(({ sha256, state, copies }) => [
    texts.find((text) => contentOf(text).sha256 === sha256) ?? sha256,
    state,
    copies,
  ])
}

const dropsOf = ({ tasks }: TestPeer): string[] =>
  tasks.flatMap((task) => (task.kind === 'drop' ? [task.sha256] : []))

describe('an edit', () => {
  test.each([
    ['other content', 'v2'],
    ['a file that a crash has cut to nothing', ''],
  ])('keeps the old replica until %s has its copies and the grace is over', async (_, text) => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    // The replica of the new content fails for longer than the grace.
    keeper.answer = ({ kind }) => (kind === 'replicate' ? 'NO_SOURCE' : undefined)
    await owner.shares('a', text)
    await cluster.advance(2 * graceMs)
    expect(dropsOf(keeper)).toEqual([])
    expect(await versionsOf(owner)).toEqual([
      [text, 'current', 1],
      ['v1', 'replaced', 1],
    ])
    // The owner dies: the old version is still available.
    owner.crash()
    const { sha256 } = contentOf('v1')
    const { contents } = await keeper.ask('lookup', { name: 'a', sha256 })
    expect(contents).toMatchObject([{ sha256, sources: [{ peerId: 'peer2' }] }])

    await owner.connect()
    keeper.answer = () => undefined
    await cluster.advance(400_000)
    expect(await versionsOf(owner)).toEqual([[text, 'current', 2]])
    expect(dropsOf(keeper)).toEqual([sha256])
  })

  test('removes the old version only after the grace, even if the new one is safe', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    await owner.shares('a', 'v2')
    await cluster.advance(graceMs - 5_000)
    expect(await versionsOf(owner)).toEqual([
      ['v2', 'current', 2],
      ['v1', 'replaced', 1],
    ])
    const [, old] = (await owner.ask('versions', { name: 'a' })).versions
    const leftMs = (old?.keptUntilMs ?? 0) - cluster.clock.nowMs()
    expect(leftMs).toBeGreaterThan(0)
    expect(leftMs).toBeLessThan(10_000)
    await cluster.advance(15_000)
    expect(await versionsOf(owner)).toEqual([['v2', 'current', 2]])
    expect(dropsOf(keeper)).toEqual([contentOf('v1').sha256])
  })

  test('back to the first content makes that the current one, and the other replaced', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    await owner.shares('a', 'v2')
    await cluster.advance(5_000)
    await owner.shares('a', 'v1')
    await cluster.advance(5_000)
    expect(await versionsOf(owner)).toEqual([
      ['v1', 'current', 2],
      ['v2', 'replaced', 1],
    ])
    await cluster.advance(graceMs + 10_000)
    expect(await versionsOf(owner)).toEqual([['v1', 'current', 2]])
    expect(dropsOf(keeper)).toEqual([contentOf('v2').sha256])
  })

  test('every few seconds keeps at most the configured bytes', async () => {
    const { cluster, owner } = await aReplicatedFile({ replacedBytes: 4 })
    await using _cluster = cluster
    for (const text of ['v2', 'v3', 'v4', 'v5']) {
      await owner.shares('a', text)
      await cluster.advance(5_000)
    }
    await cluster.advance(5_000)
    expect(await versionsOf(owner)).toEqual([
      ['v5', 'current', 2],
      ['v4', 'replaced', 1],
      ['v3', 'replaced', 1],
    ])
  })

  test('every few seconds fills no disk while the factor cannot be reached', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile({
      replacedBytes: 4,
      replicationFactor: 3,
    })
    await using _cluster = cluster
    for (const text of ['v2', 'v3', 'v4', 'v5']) {
      await owner.shares('a', text)
      await cluster.advance(5_000)
    }
    await cluster.advance(30_000)
    expect(await versionsOf(owner)).toEqual([
      ['v5', 'current', 2],
      ['v4', 'replaced', 1],
      ['v3', 'replaced', 1],
    ])
    const { peers } = await owner.ask('peers', { limit: 10 })
    expect(peers).toMatchObject([{ copies: 1 }, { peerId: keeper.peerId, copies: 3 }])
  })

  test('outlives the index and its disk: a version that is announced again is kept, and not for ever', async () => {
    await using folder = await temporaryFolder()
    await using other = await temporaryFolder()
    const { cluster, owner, keeper } = await aReplicatedFile({ data: folder.path })
    await using _cluster = cluster
    await owner.shares('a', 'v2')
    await cluster.advance(5_000)
    await cluster.stopIndex()
    await cluster.startIndex()
    for (const peer of [owner, keeper]) await peer.connect()
    await cluster.advance(5_000)
    expect(await versionsOf(owner)).toEqual([
      ['v2', 'current', 2],
      ['v1', 'replaced', 1],
    ])

    await cluster.stopIndex()
    await cluster.startIndex({ data: other.path })
    for (const peer of [owner, keeper]) await peer.connect()
    await owner.shares('a', 'v2')
    const replica = { kind: 'replicated', owner: 'peer1', name: 'a' } as const
    const version = contentOf('v1').sha256
    await keeper.announce({ ...replica, text: 'v2' }, { ...replica, version, text: 'v1' })
    await cluster.advance(graceMs - 10_000)
    expect(await versionsOf(owner)).toEqual([
      ['v2', 'current', 2],
      ['v1', 'replaced', 1],
    ])
    expect(dropsOf(keeper)).toEqual([])
    await cluster.advance(30_000)
    expect(await versionsOf(owner)).toEqual([['v2', 'current', 2]])
    expect(dropsOf(keeper)).toEqual([version])
  })
})

describe('a drop', () => {
  test('is confirmed only while what replaced the copy has all its copies, all of them live', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    const { sha256 } = contentOf('v1')
    const confirmed = async (): Promise<boolean | undefined> => {
      const copies = [{ owner: 'peer1', name: 'a', sha256 }]
      return (await keeper.ask('confirm-drops', { copies })).confirmed[0]
    }
    expect(await confirmed()).toBe(false)
    await owner.shares('a', 'v2')
    await cluster.advance(5_000)
    expect(await confirmed()).toBe(false)
    // The time is over and the task is being sent when the owner falls silent.
    keeper.answer = undefined
    await cluster.advance(graceMs)
    expect(dropsOf(keeper)).toEqual([sha256])
    expect(await confirmed()).toBe(true)
    owner.crash()
    await cluster.advance(1_000)
    expect(await confirmed()).toBe(false)
    await owner.connect()
    expect(await confirmed()).toBe(true)
    // And if the first content is wanted again.
    await owner.shares('a', 'v1')
    expect(await confirmed()).toBe(false)
  })

  test('for an unshare is confirmed until the file is shared again', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    await owner.shares('a', 'v2')
    await cluster.advance(5_000)
    await owner.ask('unshare', { owner: 'peer1', name: 'a' })
    const confirm = async (): Promise<boolean[]> => {
      const versions = ['v1', 'v2'].map((text) => contentOf(text))
      const copies = versions.map(({ sha256 }) => ({ owner: 'peer1', name: 'a', sha256 }))
      return (await keeper.ask('confirm-drops', { copies })).confirmed
    }
    expect(await confirm()).toEqual([true, true])
    expect(await codeOf(owner.ask('versions', { name: 'a' }))).toBe('NAME_NOT_FOUND')
    await owner.ask('share', { name: 'a' })
    // The unshare ended the time of v1; v2 is the file's content again.
    expect(await confirm()).toEqual([true, false])
  })

  test('of an unshared file includes its replaced versions', async () => {
    const { cluster, owner, keeper } = await aReplicatedFile()
    await using _cluster = cluster
    await owner.shares('a', 'v2')
    await cluster.advance(5_000)
    await owner.ask('unshare', { owner: 'peer1', name: 'a' })
    await cluster.advance(5_000)
    const hashes = ['v1', 'v2'].map((text) => contentOf(text).sha256)
    expect(dropsOf(keeper).toSorted()).toEqual(hashes.toSorted())
  })
})

test('a file that gets a replaced version during its check is checked again, but not forever', async () => {
  const clock = new FakeClock()
  const file = { owner: 'peer1', name: 'a' }
  let looks = 0
  const versions = new ReplacedVersions(
    { replacedMs: graceMs, replacedBytes: 10 },
    {
      store: {
        versionsOf: async () => {
          looks++
          if (looks === 1) versions.onReplaced([file])
          return []
        },
        dueReplaced: async () => [],
        replacedBeyond: async () => [],
        forgetReplaced: async () => ({
          contentIds: [],
          names: [],
          replaced: [],
          hasStrays: false,
          events: [],
          intent: [],
        }),
      },
      peerOf: () => undefined,
      onForgotten: () => {},
      clock,
      log: silentLog,
    },
  )
  versions.start()
  versions.onReplaced([file])
  for (let turns = 0; turns < 10; turns++) await clock.advance(replacedCheckMs)
  await versions[Symbol.asyncDispose]()
  expect(looks).toBe(2)
})

test('each new version of a large file goes to a peer that has an earlier one', async () => {
  await using cluster = await IndexCluster.start(settings)
  const owner = await cluster.peer('peer1')
  const others = [
    await cluster.peer('peer2'),
    await cluster.peer('peer3'),
    await cluster.peer('peer4'),
  ]
  const names = ['a', 'b', 'c', 'd']
  const version = (name: string, number: number): ReturnType<typeof bigFile> => ({
    ...bigFile(`${name}${number}`, 3_000_000),
    name,
  })
  for (let number = 1; number <= 3; number += 1) {
    await owner.announce(...names.map((name) => version(name, number)))
    await cluster.advance(20_000)
  }
  for (const name of names) {
    const copies = others.map(
      ({ tasks }) => tasks.filter((task) => task.kind === 'replicate' && task.name === name).length,
    )
    expect(copies.toSorted((a, b) => a - b)).toEqual([0, 0, 3])
  }
})
