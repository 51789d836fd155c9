import { describe, expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { codeOf, contentOf, IndexCluster, type TestPeer } from '../testing/index-cluster.ts'
import { Factors } from './factors.ts'

const rule = (key: string, factor: number | undefined, changedMs: number) => ({
  kind: 'replication' as const,
  key,
  value: factor === undefined ? null : { factor },
  changedMs,
})

function aFactors(...rules: ReturnType<typeof rule>[]): Factors {
  const factors = new Factors(2)
  for (const each of rules) factors.apply(each)
  return factors
}

describe('the factor of a content', () => {
  test('is the default without a rule that matches', () => {
    expect(aFactors().of(['a'])).toBe(2)
    expect(aFactors(rule('b', 5, 1)).of(['a'])).toBe(2)
    expect(aFactors(rule('a', 5, 1), rule('a', undefined, 2)).of(['a'])).toBe(2)
  })

  test('follows the rule that was set last, in whatever order the rules are learned', () => {
    const rules = [rule('**', 1, 1), rule('photos/**', 3, 2), rule('photos/old', 4, 3)]
    for (const learned of [rules, rules.toReversed()]) {
      const factors = aFactors(...learned)
      expect(['x', 'photos/a', 'photos/old/b'].map((name) => factors.of([name]))).toEqual([1, 3, 4])
      expect(factors.rules.map(({ factor }) => factor)).toEqual([4, 3, 1])
      factors.apply(rule('**', 1, 4))
      expect(factors.of(['photos/old/b'])).toBe(1)
    }
  })

  test('is the highest that one of its names wants', () => {
    const factors = aFactors(rule('high/**', 3, 1), rule('low/**', 1, 2))
    expect(factors.of(['low/a'])).toBe(1)
    expect(factors.of(['low/a', 'other'])).toBe(2)
    expect(factors.of(['low/a', 'high/a', 'other'])).toBe(3)
  })

  test('is the highest of all rules if it has more names than are read', () => {
    const factors = aFactors(rule('high/**', 3, 1))
    const names = Array.from({ length: limits.namesPerFactor + 1 }, (_, index) => `n${index}`)
    expect(factors.of(names)).toBe(3)
    expect(factors.of(names.slice(1))).toBe(2)
  })
})

/** Live peers that have a content of `name`. */
async function copiesOf(asker: TestPeer, name: string): Promise<number> {
  const { contents } = await asker.ask('why', { name })
  return new Set(contents[0]?.copies.map(({ peerId }) => peerId)).size
}

async function startWorld(peerCount: number) {
  const cluster = await IndexCluster.start({ trimAfterMs: 10_000 })
  const owner = await cluster.peer('peer1')
  for (let number = 2; number <= peerCount; number++) {
    const peer = await cluster.peer(`peer${number}`)
    peer.confirms = () => true
  }
  const set = async (pattern: string, factor?: number) =>
    await owner.ask('set-replication', { pattern, ...(factor !== undefined && { factor }) })
  return { cluster, owner, set }
}

describe('replication rules', () => {
  test('add copies of existing and of later files, and trim them when lowered or removed', async () => {
    const { cluster, owner, set } = await startWorld(4)
    await using _cluster = cluster
    await owner.shares('photos/a')
    await owner.shares('b')
    await cluster.advance(3_000)
    expect(await copiesOf(owner, 'photos/a')).toBe(2)

    expect(await set('photos/**', 3)).toEqual({ peers: 4 })
    await owner.shares('photos/later')
    await cluster.advance(5_000)
    const copies = async () =>
      await Promise.all(['photos/a', 'photos/later', 'b'].map((name) => copiesOf(owner, name)))
    expect(await copies()).toEqual([3, 3, 2])
    const { contents } = await owner.ask('why', { name: 'photos/a' })
    expect(contents[0]).toMatchObject({ factor: 3, missing: [] })

    await set('photos/**', 1)
    await cluster.advance(60_000)
    expect(await copies()).toEqual([1, 1, 2])
    await set('photos/**')
    await cluster.advance(5_000)
    expect(await copies()).toEqual([2, 2, 2])
  })

  test('are listed, the last one first, and say what applies to a name', async () => {
    const { cluster, owner, set } = await startWorld(1)
    await using _cluster = cluster
    await set('./photos/', 3)
    await set('**', 1)
    const { byDefault, rules } = await owner.ask('replication-rules', {})
    expect(byDefault).toBe(2)
    expect(rules).toMatchObject([
      { pattern: '**', factor: 1 },
      { pattern: 'photos', factor: 3 },
    ])
    await set('photos', 3)
    const of = await owner.ask('replication-of', { name: 'photos/a' })
    expect(of).toMatchObject({ factor: 3, rule: { pattern: 'photos' } })
    expect(await owner.ask('replication-of', { name: 'photos' })).toMatchObject({ factor: 3 })
    expect(await owner.ask('replication-of', { name: 'x' })).toMatchObject({ factor: 1 })
    await cluster.advance(10_000)
    await set('photos/**', 3)
    await set('**')
    await cluster.advance(10_000)
    const { events } = await owner.ask('events', { limit: 2 })
    expect(events).toMatchObject([
      { kind: 'replication-unset', peerId: 'peer1', name: '**' },
      { kind: 'replication-set', peerId: 'peer1', name: 'photos/**', reason: '3 copies' },
    ])
    expect(await codeOf(set('unknown'))).toBe('RULE_NOT_FOUND')
    expect(await codeOf(set('/absolute', 2))).toBe('NAME_INVALID')
  })

  test('hold for files in the trash, also when they are set later', async () => {
    const { cluster, owner, set } = await startWorld(5)
    await using _cluster = cluster
    const text = contentOf('same')
    await owner.announce({ name: 'twice/a', text }, { name: 'twice/b', text })
    await owner.shares('photos/a')
    await set('twice', 3)
    await cluster.advance(70_000)
    for (const name of ['twice/a', 'twice/b', 'photos/a']) await owner.removes(name)
    await cluster.advance(10_000)
    const copies = async () => {
      const { files } = await owner.ask('trash', { limit: 9 })
      return Object.fromEntries(files.map(({ name, copies }) => [name, copies]))
    }
    expect(await copies()).toEqual({ 'photos/a': 2, 'twice/a': 3, 'twice/b': 3 })
    await set('photos/**', 4)
    await cluster.advance(10_000)
    expect((await copies())['photos/a']).toBe(4)
  })

  test('outlive the index', async () => {
    await using folder = await temporaryFolder()
    await using cluster = await IndexCluster.start({ data: folder.path })
    const owner = await cluster.peer('peer1')
    await owner.ask('set-replication', { pattern: 'a/**', factor: 5 })
    await cluster.stopIndex()
    await cluster.startIndex()
    await owner.connect()
    expect(await owner.ask('replication-of', { name: 'a/b' })).toMatchObject({ factor: 5 })
  })

  test('that want more copies than there are peers stay a need, and status counts the files', async () => {
    const { cluster, owner, set } = await startWorld(2)
    await using _cluster = cluster
    await owner.shares('a')
    await owner.shares('b')
    await cluster.advance(3_000)
    expect(await owner.ask('status', {})).not.toHaveProperty('wantMorePeers')
    await set('a', 3)
    await cluster.advance(3_000)
    const below = { belowFactor: 1, wantMorePeers: 1 }
    expect(await owner.ask('status', {})).toMatchObject(below)
    await cluster.peer('peer3')
    await cluster.advance(3_000)
    const status = await owner.ask('status', {})
    expect(status).toMatchObject({ belowFactor: 0 })
    expect(status).not.toHaveProperty('wantMorePeers')
    expect(await copiesOf(owner, 'a')).toBe(3)
  })

  test('a content with several names has the copies that the most demanding one wants', async () => {
    const { cluster, owner, set } = await startWorld(4)
    await using _cluster = cluster
    const text = contentOf('same')
    await owner.announce({ name: 'cheap/a', text }, { name: 'dear/b', text })
    await set('cheap', 1)
    await set('dear', 4)
    await cluster.advance(5_000)
    expect(await copiesOf(owner, 'cheap/a')).toBe(4)
  })
})
