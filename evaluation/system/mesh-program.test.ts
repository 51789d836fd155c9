/** A program in another language takes part in a mesh over HTTP: docs/examples/mesh_program.py. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { startMesh } from './mesh-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

const script = fileURLToPath(new URL('../../docs/examples/mesh_program.py', import.meta.url))
const timeout = 30_000

interface Program {
  readonly id: string
  readonly folder: string
}

async function run(peer: TandemProcess, { id, folder }: Program, name: string): Promise<string> {
  const words = [script, peer.apiUrl.origin, id, folder, name]
  const { stdout } = await promisify(execFile)('python3', words, { timeout })
  return stdout
}

/** A program that shares its folder until it is disposed. */
function sharing(peer: TandemProcess, { id, folder }: Program): AsyncDisposable {
  const words = [script, peer.apiUrl.origin, id, folder]
  const child: ChildProcess = spawn('python3', words, { stdio: 'inherit' })
  const ended = once(child, 'exit')
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

test('a Python program joins, asks, gets hits and downloads; and is asked for its own files', async () => {
  await using mesh = await startMesh({ peers: 3 })
  const [first, second, third] = [mesh.peer(1), mesh.peer(2), mesh.peer(3)]
  const file = await aFile(join(second.dataFolder, 'shared'), 'docs/żółw.bin', { bytes: 10_000 })
  const folder = async (id: string): Promise<string> => {
    const path = join(mesh.folder, id)
    await mkdir(path, { recursive: true })
    return path
  }
  using api = apiOf(first)
  await expect
    .poll(async () => (await api.search({ q: 'docs', limit: 10 })).files.length, { timeout })
    .toBe(1)

  const reader = { id: 'reader', folder: await folder('reader') }
  expect(await run(first, reader, file.name)).toContain(file.sha256)
  const bytes = await readFile(join(second.dataFolder, 'shared', file.name))
  expect(await readFile(join(reader.folder, file.name))).toEqual(bytes)

  // What only another program has, which takes part through another peer.
  const writer = { id: 'writer', folder: await folder('writer') }
  await writeFile(join(writer.folder, 'own.txt'), 'hello\n')
  await using _ = sharing(third, writer)
  using thirdApi = apiOf(third)
  await expect.poll(async () => (await thirdApi.mesh()).programs, { timeout }).toBe(1)
  expect(await run(first, reader, 'own.txt')).toContain('own.txt from writer: 6 bytes')
  expect(await readFile(join(reader.folder, 'own.txt'), 'utf8')).toBe('hello\n')

  const { queryId } = await api.askMesh({ pattern: '*.txt' })
  const { hits } = await api.meshQuery({ queryId, after: 0, waitMs: 3_000 })
  expect(hits.map(({ name, peerId }) => `${name} at ${peerId}`)).toContain('own.txt at writer')
}, 90_000)
