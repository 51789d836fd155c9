/** A process that is killed while it moves a file of shared/, between its second name and its only one. */
import { link, lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ShareFixture } from '../testing/share-fixture.ts'
import { Folders } from './folders.ts'
import { PendingMoves } from './pending-moves.ts'

type Kill = (shared: string) => Promise<void>

const linked: Kill = async (shared) => await link(join(shared, 'a'), join(shared, 'f', 'b'))

/** Starts a peer again that was killed in a move of `a` to `f/b`; the files in shared/ then. */
async function afterMove(kill: Kill): Promise<string[]> {
  await using peer = await ShareFixture.create()
  for (const name of ['a', 'f/x']) await peer.write(`shared/${name}`, name)
  await peer.start()
  await peer.stop()
  const shared = join(peer.path, 'shared')
  const file = await lstat(join(shared, 'a'), { bigint: true })
  const records = join(peer.path, '.tandem', 'moves')
  const moves = new PendingMoves(new Folders(peer.path))
  const record = await moves.run({ from: 'a', to: 'f/b', file }, async () => {
    await kill(shared)
    return await readFile(join(records, '1'))
  })
  await writeFile(join(records, '1'), record)
  await peer.start()
  expect(await readdir(records)).toEqual([])
  const files = await readdir(shared, { recursive: true, withFileTypes: true })
  const paths = files.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  return paths.map((path) => path.slice(shared.length + 1)).toSorted()
}

test.each<[string, Kill, string[]]>([
  ['before it had a second name', async () => {}, ['a', 'f/x']],
  ['when it had both', linked, ['f/b', 'f/x']],
  [
    'when it had both, and then a user removed the new one',
    async (shared) => {
      await linked(shared)
      await rm(join(shared, 'f', 'b'))
    },
    ['a', 'f/x'],
  ],
  [
    'and another file has the new name',
    async (shared) => await writeFile(join(shared, 'f', 'b'), 'other'),
    ['a', 'f/b', 'f/x'],
  ],
])('a file is not in two places after a kill: %s', async (_, kill, names) => {
  expect(await afterMove(kill)).toEqual(names)
})

test('records that are none are removed', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('.tandem/moves/1', '{"from":"a"')
  await peer.write('.tandem/moves/2', '{"from":"../../a","to":"b","dev":"1","ino":"1"}')
  await peer.start()
  expect(await readdir(join(peer.path, '.tandem', 'moves'))).toEqual([])
})
