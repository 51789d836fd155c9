import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { AuthorityDesk } from '../common/identity/authority-desk.ts'
import { formatJoinToken } from '../common/identity/join-token.ts'
import { NodeIdentity } from '../common/identity/node-identity.ts'
import { makeRequest } from '../common/identity/x509.ts'
import { openDoor } from '../common/testing/doors.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { TestCluster } from '../common/testing/test-cluster.ts'
import { Terminal } from '../peer/cli/terminal.ts'
import { clusterCommand } from './cluster-command.ts'

const hour = 3_600_000

/** Runs `tandem cluster` with these words. @returns what it prints */
async function run(words: readonly string[]): Promise<string> {
  const answers = new PassThrough()
  const terminal = await Terminal.open({ answers, remarks: new PassThrough() })
  const command = clusterCommand(terminal)
  for (const one of [command, ...command.commands])
    one.exitOverride().configureOutput({ writeErr: () => {} })
  await command.parseAsync(words, { from: 'user' })
  return String(answers.read())
}

test('a token is revoked with all who joined with it, and with no others', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  await symlink(cluster.authorityFolder, join(cluster.folder, 'cluster'))
  const secret = authority.tokens.create({ role: 'peer', forMs: hour })
  const joined = async (id: string): Promise<unknown> =>
    await authority.join({ secret, id, names: [], request: (await makeRequest(id)).request })
  for (const id of ['made-up-1', 'made-up-2']) await joined(id)
  await cluster.member('other')
  const words = ['revoke', '--token', secret.slice(0, 8), '--data', cluster.folder]
  expect(await run(words)).toContain('and the members that joined with it: made-up-1, made-up-2')
  expect(JSON.parse(await run([...words, '--json']))).toMatchObject({ members: [] })
  const states = authority.overview.members.map(({ id, isRevoked }) => [id, isRevoked])
  expect(Object.fromEntries(states)).toEqual({
    index: false,
    'made-up-1': true,
    'made-up-2': true,
    other: false,
  })
  cluster.own.accept(authority.trust.signed)
  expect(cluster.own.trust.revoked.map(({ id }) => id)).toEqual(['made-up-1', 'made-up-2'])
  await expect(joined('made-up-3')).rejects.toThrow('was revoked')
  await expect(run(['revoke', '--data', cluster.folder])).rejects.toThrow(
    'name a member, or a token',
  )
  await expect(run(['revoke', 'other', ...words.slice(1)])).rejects.toThrow('name a member')
  await expect(
    run(['revoke', '--token', '00000000', '--data', cluster.folder]),
  ).rejects.toMatchObject({
    code: 'JOIN_TOKEN_UNKNOWN',
  })
})

test('a process joins with a token from a file, which is not in the list of processes', async () => {
  await using cluster = await TestCluster.create()
  const { authority, own: identity } = cluster
  const dependencies = { clock: systemClock, log: silentLog }
  const told = { resolve: async () => [], issuerShownBy: () => undefined, onNews: () => {} }
  using desk = new AuthorityDesk({
    ...told,
    ...dependencies,
    authority,
    identity,
    address: undefined,
  })
  await using door = await openDoor(identity, { desk })
  const secret = authority.tokens.create({ role: 'reader', forMs: hour })
  const address = { host: '127.0.0.1', port: door.port }
  const file = join(cluster.folder, 'token')
  await writeFile(file, `${formatJoinToken({ authority: authority.digest, secret, address })}\n`)
  const folder = join(cluster.folder, 'ci')
  const words = ['join', '--id', 'ci', '--identity', folder]
  expect(await run([...words, '--join-file', file])).toContain('ci has joined')
  expect((await NodeIdentity.open(folder, dependencies))?.self).toMatchObject({
    id: 'ci',
    role: 'reader',
  })
  await expect(run(words)).rejects.toThrow('give a token, or its file')
  await expect(run([...words, 'tandem-1-', '--join-file', file])).rejects.toThrow(
    'give a token, or',
  )
  await writeFile(file, 'nonsense')
  await expect(run([...words, '--join-file', file])).rejects.toMatchObject({
    code: 'JOIN_TOKEN_INVALID',
  })
})
