/** The command line as a process, as seen by the shell. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../bin/tandem.js', import.meta.url))
const nowhere = 'http://127.0.0.1:1'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function tandem(...words: string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  execFile(process.execPath, [program, ...words], (error, stdout, stderr) =>
    resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
  )
  return await promise
}

describe('tandem', () => {
  test('helps', async () => {
    const { code, stdout } = await tandem('--help')
    expect(code).toBe(0)
    for (const name of ['index', 'peer', 'dummy', 'settings', 'lookup', 'unshare', 'token', 'help'])
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    expect((await tandem()).stdout).toBe(stdout)
  })

  test.each([
    ['index', ['--port', '--http-port', '--data', '--replication-factor', '--config']],
    [
      'peer',
      ['--peer', '--headless', '--index', '--host', '--port', '--http-port', '--data', '--config'],
    ],
    ['dummy', ['--port', '--index']],
    ['settings', ['--peer', '--config', '--json']],
    ['download', ['--sha256', '--peer', '--api', '--json', '--index', '-o, --output', '--replace']],
    ['token', ['--new', '--peer', '--data', '--token-file', '--json']],
    ['cat', ['--sha256', '--index', '--peer', '--api', '--config']],
  ])('explains %s', async (name, flags) => {
    const { code, stdout } = await tandem('help', name)
    expect(code).toBe(0)
    for (const flag of flags) expect(stdout).toMatch(new RegExp(`^  ${flag}\\b`, 'm'))
  })

  test('prints its version', async () => {
    expect(await tandem('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' })
  })

  test('reports immediately and in one line that no peer answers', async () => {
    const { code, stdout, stderr } = await tandem('STATUS', '--api', nowhere)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^PEER_UNREACHABLE: No peer answers at 127\.0\.0\.1:1: .*\n$/)
  })

  test.each([
    [['lokup', 'a'], /Did you mean lookup\?/],
    [['cluster', 'revoke'], /name a member, or a token[^]*See 'tandem help cluster'/],
    [['token', 'create', '--uses', '0'], /Must be 1 to 1000[^]*See 'tandem help token'/],
    [['lookup'], /missing required argument/],
    [['status', '--api', 'nonsense'], /http:\/\/HOST:PORT/],
    [['download', 'a', '--index', 'nonsense'], /HOST:PORT/],
    [['download', 'a', '--index', '127.0.0.1:1', '--peer', 'peer1'], /cannot be used with/],
    [['download', 'a', '-o', 'b'], /need '--index HOST:PORT'/],
    [['cat'], /missing required argument/],
  ])('takes %j for wrong usage', async (words, complaint) => {
    const { code, stderr } = await tandem(...words)
    expect(code).toBe(2)
    expect(stderr).toMatch(complaint)
  })

  test('says that a peer without a number needs --api', async () => {
    const { code, stderr } = await tandem('status', '--peer', 'alice')
    expect(code).toBe(1)
    expect(stderr).toContain('use --api http://HOST:PORT')
  })

  test('shows where settings come from', async () => {
    const { stdout } = await tandem('settings', '--json', '--peer', 'peer7')
    expect(JSON.parse(stdout)).toContainEqual({
      setting: 'peer.id',
      value: 'peer7',
      origin: '--peer',
      variable: 'TANDEM_PEER_ID',
    })
  })
})
