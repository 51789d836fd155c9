import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { TestCluster } from '../common/testing/test-cluster.ts'
import { Terminal } from '../peer/cli/terminal.ts'
import { tokenCommand } from './token-command.ts'

interface Said {
  readonly answer: string
  readonly remark: string
  readonly failure: unknown
}

/** Runs `tandem token` with these words. */
async function run(...words: string[]): Promise<Said> {
  const [answers, remarks] = [new PassThrough(), new PassThrough()]
  const terminal = await Terminal.open({ answers, remarks })
  const command = tokenCommand(terminal)
  const failure = await command.parseAsync(words, { from: 'user' }).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { answer: String(answers.read() ?? ''), remark: String(remarks.read() ?? ''), failure }
}

test('where the authority is on this machine, its process need not run, and no peer is asked', async () => {
  await using cluster = await TestCluster.create()
  await symlink(cluster.authorityFolder, join(cluster.folder, 'cluster'))
  const place = ['--data', cluster.folder, '--host', 'nas.lan', '--port', '7000']
  const made = await run('create', '--role', 'reader', ...place)
  expect(made.answer).toMatch(/^tandem cluster join tandem-1-\w+-\w+@nas\.lan:7000 --id NAME/)
  const { answer } = await run('list', '--json', ...place)
  expect(JSON.parse(answer)).toMatchObject([{ role: 'reader', uses: 0 }])
  const [{ tokenId }] = JSON.parse(answer) as [{ tokenId: string }]
  expect((await run('revoke', tokenId, ...place)).answer).toContain(`${tokenId} is revoked`)
})

test('where it is not, what was meant for it fails, and a peer is asked otherwise', async () => {
  await using folder = await temporaryFolder()
  const here = { failure: { code: 'NO_AUTHORITY_HERE' } }
  expect(await run('list', '--data', folder.path)).toMatchObject(here)
  expect(await run('create', '--port', '7000', '--data', folder.path)).toMatchObject(here)
  // An id without a number does not say where its API is.
  const { failure } = await run('list', '--peer', 'ada', '--data', folder.path)
  expect(String(failure)).toContain('does not imply the port of its HTTP API: use --api')
  // A port that no peer can have.
  expect(await run('list', '--api', 'http://127.0.0.1:1')).toMatchObject({
    failure: { code: 'PEER_UNREACHABLE' },
    remark: '',
  })
  const asked = await run('list', '--peer', 'peer1000', '--data', folder.path)
  expect(asked).toMatchObject({ failure: { code: 'PEER_UNREACHABLE' } })
  expect(asked.remark).toBe(
    `${folder.path}/.tandem/cluster is not the folder of an authority, so this asked a running peer.\n`,
  )
})
