/** A mesh that its first peer secures: it stops, and the others go on. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NodeIdentity } from '../../common/identity/node-identity.ts'
import { asMember, talk } from '../../common/testing/doors.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { statesAt, untilAtRest } from './mesh-checks.ts'
import { startMesh } from './mesh-fixture.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

async function identityOf({ dataFolder }: TandemProcess): Promise<NodeIdentity> {
  const folder = join(dataFolder, '.tandem/cluster')
  const identity = await NodeIdentity.open(folder, { log: silentLog })
  if (identity === undefined) throw new Error(`${folder} has no identity`)
  return identity
}

test('a mesh is secured by its first peer, and goes on without it', async () => {
  await using tokens = await temporaryFolder()
  const token = join(tokens.path, 'token')
  await using mesh = await startMesh({
    peers: 3,
    prepare: async (name, shared) => {
      await aFile(shared, `of ${name}`, { bytes: 50_000 })
    },
    flagsOf: (name) =>
      name === 'peer1' ? ['--secure', '--token-out', token] : ['--join-file', token],
  })
  const [first, second, third] = [mesh.peer(1), mesh.peer(2), mesh.peer(3)]
  await untilAtRest(mesh.peers, { contents: 3 })
  const member = await identityOf(second)
  const answer = async (): Promise<string> =>
    (await talk(third.port, asMember(member))).answers.join(' ')
  expect(await answer()).toBe('ok')
  // A stranger finds a closed door.
  const { answers } = await talk(third.port, { ALPNProtocols: ['tandem/1'] })
  expect(answers).toEqual(['CERTIFICATE_REQUIRED'])

  await first.kill()
  const found = await downloadAndHash(second, { name: 'of peer3' })
  expect(found.sha256OnDisk).toBe(found.sha256)
  await expect.poll(async () => (await statesAt(second))['peer3']).toBe('live')

  // A revocation on the machine of the first one counts once that is back.
  const words = ['cluster', 'revoke', 'peer3', '--peer', 'peer1', '--data', first.dataFolder]
  expect(await runTandem(words)).toMatchObject({ code: 0 })
  const revoked = await identityOf(third)
  await first.start()
  const refused = async (): Promise<unknown> => (await talk(second.port, asMember(revoked))).reasons
  await expect.poll(refused).toEqual(['peer3 was revoked'])
  await expect.poll(async () => (await statesAt(second))['peer3']).not.toBe('live')
  using api = apiOf(second)
  await expect.poll(() => api.lookup({ name: 'of peer1' })).toMatchObject({ files: [{}] })
})
