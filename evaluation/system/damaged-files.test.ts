/** A peer whose own files are garbage starts all the same if others, or its user, can tell it again what they held. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { startMesh } from './mesh-fixture.ts'

const files = [
  'downloads.db',
  'follow.db',
  'history.db',
  'intent.db',
  'limits.json',
  'members.json',
  'mesh/index.sqlite',
  'scrub.json',
]

test('a peer starts and finds the others although what it remembered is garbage', async () => {
  await using mesh = await startMesh({ peers: 2 })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  const file = await aFile(join(first.dataFolder, 'shared'), 'some.bin', { bytes: 10_000 })
  await second.kill('SIGTERM')
  for (const name of files) {
    const path = join(second.dataFolder, '.tandem', name)
    await rm(`${path}-wal`, { force: true })
    await writeFile(path, 'garbage '.repeat(2_000))
  }
  await second.start()
  using api = apiOf(second)
  const found = async (): Promise<string[]> => {
    const lookup = await api.lookup({ name: file.name }).catch(() => undefined)
    return lookup?.files.map(({ sha256 }) => sha256) ?? []
  }
  await expect.poll(found, { timeout: 20_000 }).toEqual([file.sha256])
  expect(await downloadAndHash(second, { name: file.name })).toMatchObject({
    sha256OnDisk: file.sha256,
  })
  await second.restart()
  expect(second.output.filter((line) => line.includes('a new one begins'))).toHaveLength(5)
})
