import { expect, onTestFinished, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import { systemRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { LoopTurns } from '../loop-turns.ts'
import type { NamedContent, SolePage } from '../store/store.ts'
import { hashOf } from '../store/store-fixture-contract.ts'
import { KnownFiles } from './known-files.ts'
import { KnownFilesFiller } from './known-files-filler.ts'
import { SourceTexts } from './source-texts.ts'

const minuteMs = 60_000
/** Of different lengths. */
const nameOf = (number: number): string =>
  `f${String(number).padStart(6, '0')}${'x'.repeat((number * 7) % 31)}`

function contentOf(number: number): NamedContent {
  const sha256 = hashOf(String(number))
  const content = { contentId: number, sha256, size: 1, chunkRoot: sha256, modifiedMs: 1 }
  const holders = [{ peerId: 'p', kind: 'shared' }] as const
  const rest = { file: { owner: 'p', name: '' }, isTrashed: false, factor: 2, owners: [] }
  return { ...content, ...rest, holders }
}

interface World {
  readonly files: KnownFiles
  /** Waits until the filler has nothing more to do. */
  readonly rest: () => Promise<void>
  /** A write touches these. */
  readonly touch: (numbers: readonly number[]) => void
}

/** A filler at work on so many names. */
function aFiller({ bytesMax, count }: { bytesMax: number; count: number }): World {
  const clock = new FakeClock()
  const sources = new SourceTexts(() => undefined)
  const files = new KnownFiles({ bytesMax }, { sources, random: systemRandom })
  const store = {
    async soleContents(after: string, limit: number): Promise<SolePage> {
      const first = after === '' ? 1 : Number(after.slice(1, 7)) + 1
      const numbers = Array.from({ length: limit }, (_, at) => first + at)
      const named = numbers
        .filter((number) => number <= count)
        .map((number) => ({ name: nameOf(number), content: contentOf(number) }))
      return { named, next: named.length < limit ? undefined : named.at(-1)?.name }
    },
  }
  const work = new BackgroundWork({ log: silentLog })
  onTestFinished(() => work[Symbol.asyncDispose]())
  const parts = { store, files, turns: new LoopTurns(), isBusy: () => false, clock }
  const filler = new KnownFilesFiller(parts)
  work.start('fill', (signal) => filler.run(signal))
  return {
    files,
    async rest() {
      for (let last = -1; last !== files.count; ) {
        last = files.count
        for (let turns = 0; turns < 20; turns += 1) await clock.advance(minuteMs)
      }
    },
    touch: (numbers) => files.forget({ names: numbers.map(nameOf), contentIds: numbers }),
  }
}

test('files that a write has touched are read again, into the memory of the rows before', async () => {
  const count = 20_000
  const { files, rest, touch } = aFiller({ bytesMax: 64 * 2 ** 20, count })
  await rest()
  expect(files.count).toBe(count)
  const { bytes } = files
  const all = Array.from({ length: count }, (_, at) => at + 1)
  for (let round = 0; round < 3; round += 1) {
    touch(all)
    expect(files.count).toBe(0)
    await rest()
    expect(files.count).toBe(count)
  }
  expect(files.bytes).toBeLessThan(2.5 * bytes)
})

test('it stops when there is no more memory, with most of it in use', async () => {
  const { files, rest, touch } = aFiller({ bytesMax: 2 ** 21, count: 40_000 })
  await rest()
  const { count } = files
  expect(count).toBeGreaterThan(15_000)
  touch(Array.from({ length: count }, (_, at) => at + 1))
  await rest()
  expect(files.count).toBeGreaterThan(0.8 * count)
  expect(files.bytes).toBeLessThanOrEqual(2 ** 21)
})
