import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { CopyKey, Source } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { type DamagedFile, isReplaced, Repairs } from './repairs.ts'

const sha256 = 'a'.repeat(64)
const content = { sha256, size: 9, chunkRoot: sha256 }
const dayMs = 86_400_000

/** Damaged files, and an index that says who has their content. */
class World {
  readonly clock = new FakeClock()
  readonly damaged: (DamagedFile & { readonly seq: number })[] = []
  readonly asked: string[] = []
  readonly repaired: string[] = []
  sources: Source[] = []
  failure: AppError | undefined
  /** Resolves when shared files may be repaired. */
  gate = Promise.resolve()
  onDamage = (): void => {}

  add(kind: CopyKey['kind'], name: string): void {
    const key = { kind, name, ...(kind === 'replicated' && { owner: 'peer2' }) }
    const seq = this.damaged.length + 1
    this.damaged.push({ seq, key, path: name, content, foundMs: this.clock.nowMs() })
    this.onDamage()
  }

  open(): Repairs {
    const remove = ({ name }: CopyKey): void => {
      this.repaired.push(name)
      const at = this.damaged.findIndex(({ key }) => key.name === name)
      if (at !== -1) this.damaged.splice(at, 1)
    }
    const repairs = new Repairs({
      clock: this.clock,
      random: seededRandom('repairs'),
      log: silentLog,
      finder: {
        lookup: async (name) => {
          this.asked.push(name)
          if (this.failure !== undefined) throw this.failure
          return [{ ...content, sources: this.sources }]
        },
      },
      fetcher: { fetch: () => Promise.reject(new Error('it is here')) as never },
      shelf: {
        copyLocal: async (_, key) => {
          if (key.kind === 'shared') await this.gate
          remove(key)
          return { at: { path: key.name }, content }
        },
        adopt: () => Promise.reject(new Error('it is here')),
      },
      source: {
        damaged: (afterSeq, limit) =>
          this.damaged.filter(({ seq }) => seq > afterSeq).slice(0, limit),
        damagedCalled: ({ kind, name }) =>
          this.damaged.find(({ key }) => key.kind === kind && key.name === name),
        setAside: async (key) => remove(key),
        onChange: (listener) => {
          this.onDamage = listener
          return () => {}
        },
      },
    })
    onTestFinished(async () => await repairs[Symbol.asyncDispose]())
    return repairs
  }
}

const whole = { host: 'h', port: 1, kind: 'shared' } as const

test('downloads are repaired without asking, shared files on request', async () => {
  const world = new World()
  const repairs = world.open()
  world.add('downloaded', 'd')
  world.add('shared', 's')
  await world.clock.advance(2_000)
  expect(world.repaired).toEqual(['d'])
  await world.clock.advance(dayMs)
  expect(world.repaired).toEqual(['d'])
  const { id } = repairs.start({ kind: 'shared', name: 's' })
  await world.clock.advance(1)
  expect(await repairs.wait(id, 0)).toMatchObject({ state: 'done', name: 's', bytes: 9 })
  expect(() => repairs.start({ kind: 'shared', name: 's' })).toThrow(/not known to be damaged/)
})

test('a damaged replica stays until others have it for sure, and is asked for ever more rarely', async () => {
  const world = new World()
  world.open()
  world.sources = [
    { ...whole, peerId: 'peer2' },
    { ...whole, peerId: 'peer3', kind: 'partial' },
  ]
  world.add('replicated', 'r')
  await world.clock.advance(3_600_000)
  expect(world.repaired).toEqual([])
  expect(world.asked.length).toBeGreaterThan(5)
  expect(world.asked.length).toBeLessThan(25)
  world.sources.push({ ...whole, peerId: 'peer4' })
  await world.clock.advance(601_000)
  expect(world.repaired).toEqual(['r'])

  world.sources = []
  world.add('replicated', 'of no use')
  await world.clock.advance(10_000)
  expect(world.repaired).toEqual(['r'])
  world.failure = new AppError('NAME_NOT_FOUND', { name: 'of no use' })
  await world.clock.advance(601_000)
  expect(world.repaired).toEqual(['r', 'of no use'])
})

test.each([
  [0, 10 * dayMs, false],
  [1, 0, false],
  [1, dayMs, true],
  [2, 0, true],
])('with %i whole copies elsewhere after %i ms it is replaced: %s', (count, ageMs, expected) => {
  expect(isReplaced({ whole: count, ageMs })).toBe(expected)
})

test('downloads are repaired later when users have as many repairs running as may be', async () => {
  const world = new World()
  const gate = Promise.withResolvers<void>()
  world.gate = gate.promise
  const repairs = world.open()
  for (let number = 0; number < limits.downloadsAtOnceMax; number += 1) {
    world.add('shared', `${number}`)
    repairs.start({ kind: 'shared', name: `${number}` })
  }
  world.add('downloaded', 'd')
  await world.clock.advance(60_000)
  expect(world.repaired).toEqual([])
  gate.resolve()
  await world.clock.advance(600_000)
  expect(world.repaired).toContain('d')
})
