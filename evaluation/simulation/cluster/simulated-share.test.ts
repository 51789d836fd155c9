import { describe } from 'vitest'
import { seededRandom } from '../../../common/random.ts'
import { contentOf } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { shelfContract } from '../../../peer/shelf-contract.ts'
import { EventLog } from './event-log.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { SimulatedShare } from './simulated-share.ts'

describe('the share of a simulated peer', () => {
  shelfContract(async () => {
    const clock = new FakeClock()
    const events = new EventLog(() => clock.elapsedMs)
    const process = new SimulatedProcess({ name: 'peer1', wall: { aheadMs: 0 } }, { clock, events })
    const disk = new SimulatedDisk(1_000_000, () => clock.nowMs())
    const watcher = {
      onPlaced: () => {},
      onMoved: () => {},
      onRemoved: () => {},
      onDamaged: () => {},
    }
    const random = seededRandom('share')
    const share = new SimulatedShare('peer1', { process, disk, random, watcher })
    /** Lets time pass until the disk has answered. */
    const timed =
      <Arguments extends unknown[], Result>(call: (...given: Arguments) => Promise<Result>) =>
      async (...given: Arguments): Promise<Result> => {
        const answer = call(...given)
        answer.catch(() => {})
        await clock.advance(10)
        return await answer
      }
    let partials = 0
    const pathOf = (name: string): string => `/peer1/downloaded/${name}`
    return {
      shelf: {
        areThere: timed(share.areThere.bind(share)),
        readSmall: timed(share.readSmall.bind(share)),
        copyLocal: timed(share.copyLocal.bind(share)),
        adopt: timed(share.adopt.bind(share)),
        adoptGroup: timed(share.adoptGroup.bind(share)),
      },
      writePartial: async (text) => {
        const { content, bytes } = contentOf(Buffer.from(text))
        const partial = disk.partial(`/partial/${++partials}`, content)
        bytes.copy(partial.bytes)
        return partial.path
      },
      write: async (name, text) => {
        if (text === undefined) disk.remove(pathOf(name))
        else disk.write(pathOf(name), Buffer.from(text))
      },
      read: async (name) => disk.files.get(pathOf(name))?.bytes.toString(),
      [Symbol.asyncDispose]: async () => process.end(),
    }
  })
})
