import { link, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { checkFile } from '../system/check-file.ts'
import type { Contender } from './interleaved.ts'
import { secondsOf } from './interleaved.ts'
import { flushDisk } from './outside-process.ts'
import { introduce, prepareSyncthing, startSyncthing } from './syncthing-anchor.ts'

const lookEveryMs = 10
const deadlineMs = 300_000

/**
 * Two instances of Syncthing, which speak TLS, too. A new file of `bytes` is put into the folder of one; the time
 * is from the end of its scan, when the other one learns of it, until that one has it.
 */
export async function syncthingContender(
  folder: string,
  bytes: number,
  stack: AsyncDisposableStack,
): Promise<Contender> {
  const prepared = async (name: string): ReturnType<typeof prepareSyncthing> =>
    await prepareSyncthing(join(folder, name, 'home'), join(folder, name, 'files'))
  const [from, to] = [await prepared('from'), await prepared('to')]
  await introduce([from, to])
  const source = stack.use(await startSyncthing(from, { files: 0, deadlineMs }))
  const target = stack.use(await startSyncthing(to, { files: 0, deadlineMs }))
  const until = async (what: string, isDone: () => Promise<boolean>): Promise<void> =>
    await withDeadline({ what, deadlineMs }, systemClock, async (signal) => {
      while (!(await isDone())) await systemClock.sleep(lookEveryMs, signal)
    })
  await until('Connecting', async () => (await source.connections()) === 1)
  let rounds = 0
  const measure = async (): Promise<number> => {
    // Of other bytes each time: blocks that it has are not sent again.
    const name = `file-${++rounds}`
    const file = await aFile(join(folder, 'originals'), name, { bytes, seed: name })
    await link(file.path, join(from.folder, name))
    await flushDisk()
    await source.scan(name)
    const seconds = await secondsOf(() =>
      until('Receiving', async () => {
        const status = await target.status()
        return status?.state === 'idle' && status.localFiles === rounds
      }),
    )
    await checkFile(file, join(to.folder, name))
    await rm(file.path)
    return seconds
  }
  return { name: 'Syncthing', needs: ['syncthing'], measure }
}
