import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe } from 'vitest'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { DirectShelf } from './direct/direct-shelf.ts'
import { folderTarget } from './direct/target.ts'
import { MemoryShelf } from './download/testing/memory-shelf.ts'
import { shelfContract, type TestShelf } from './shelf-contract.ts'
import { ShareFixture } from './testing/share-fixture.ts'

async function writeAt(path: string, text: string | undefined): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await (text === undefined ? rm(path) : writeFile(path, text))
}

async function readAt(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined)
}

/** Files of a folder, and unfinished ones in another. */
function filesIn(folder: string, partialFolder: string): Omit<TestShelf, 'shelf' | symbol> {
  let count = 0
  return {
    writePartial: async (text: string) => {
      const path = join(partialFolder, String(++count))
      await writeAt(path, text)
      return path
    },
    write: (name: string, text: string | undefined) => writeAt(join(folder, name), text),
    read: (name: string) => readAt(join(folder, name)),
  }
}

describe('the share of a peer', () => {
  shelfContract(async () => {
    const peer = await ShareFixture.create()
    const shelf = await peer.start()
    const files = filesIn(join(peer.path, 'downloaded'), join(peer.path, '.tandem/partial'))
    return { shelf, ...files, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() }
  })
})

describe('a folder without a peer', () => {
  shelfContract(async () => {
    const temporary = await temporaryFolder()
    const folder = join(temporary.path, 'out')
    const dependencies = { clock: new FakeClock(), random: seededRandom('shelf') }
    const shelf = new DirectShelf(folderTarget(folder, '**'), { replaces: false }, dependencies)
    return {
      shelf,
      ...filesIn(folder, join(temporary.path, 'partial')),
      [Symbol.asyncDispose]: async () => {
        await shelf[Symbol.asyncDispose]()
        await temporary[Symbol.asyncDispose]()
      },
    }
  })
})

describe('the stand-in for tests', () => {
  shelfContract(async () => {
    const temporary = await temporaryFolder()
    const shelf = new MemoryShelf()
    const { writePartial } = filesIn(temporary.path, temporary.path)
    return {
      shelf,
      writePartial,
      write: async (name, text) => {
        if (text === undefined) shelf.files.delete(name)
        else shelf.files.set(name, Buffer.from(text))
      },
      read: async (name) => {
        const bytes = shelf.files.get(name)
        return bytes && Buffer.from(bytes).toString()
      },
      [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
    }
  })
})
