/**
 * Whatever happens to the disks of a peer and of the index: after an announcement the index is
 * correct.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { PeerHistory } from './peer-history.ts'

const steps = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      text: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('announce' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), lost: fc.nat({ max: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), flag: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('backUp' as const, 'restore' as const),
      flag: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...([
          'stop',
          'disconnect',
          'clone',
          'switchFolder',
          'backUpIndex',
          'restoreIndex',
        ] as const),
      ),
    }),
  },
)
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never

async function take(history: PeerHistory, step: Step): Promise<void> {
  if (step.do === 'write') history.write(step.name, step.text)
  else if (step.do === 'crash') history.crash(step.lost)
  else if (step.do === 'start' || step.do === 'backUp' || step.do === 'restore')
    history[step.do](step.flag)
  else await history[step.do]()
}

/** The index's view after the peer has started and announced. */
async function announced(history: PeerHistory): Promise<string[]> {
  history.start(true)
  await history.announce()
  return await history.atIndex()
}

test('the index knows what is on disk, whichever side lost or regained what', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 30 }), async (history) => {
      await using folder = await temporaryFolder()
      await using world = new PeerHistory(folder.path)
      for (const step of history) await take(world, step)
      expect(await announced(world)).toEqual(world.onDisk)
      // It must also stay right.
      world.write('e', 'more')
      expect(await announced(world)).toEqual(world.onDisk)
    }),
    { numRuns: 60 },
  )
})

test('numbers that a catalog gave twice are not taken for what the index has seen', async () => {
  await using folder = await temporaryFolder()
  await using history = new PeerHistory(folder.path)
  for (const name of ['a', 'b', 'c']) history.write(name, '1')
  history.backUp(true)
  await history.announce()
  history.write('d', 'lost with the disk')
  await history.announce()
  history.restore(true)
  history.start(true)
  history.write('e', 'has the number of d')
  expect(await announced(history)).toEqual(history.onDisk)
})

test('a copy of the folder and its original may alternate', async () => {
  await using folder = await temporaryFolder()
  await using history = new PeerHistory(folder.path)
  history.write('a', '1')
  await history.announce()
  history.clone()
  history.write('only in the original', '2')
  await history.announce()
  for (let turn = 0; turn < 4; turn++) {
    history.switchFolder()
    history.start(true)
    history.write(`of turn ${turn}`, 'x')
    expect(await announced(history)).toEqual(history.onDisk)
  }
})
