/**
 * Peers download what only a program has, which takes part in the mesh over HTTP: the one of docs/examples,
 * and others that lie, stall or are killed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import {
  beginAt,
  type HttpProgram,
  sending,
  startProgram,
} from '../../peer/fetch/testing/http-program.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { endOf } from './held-download.ts'
import { type MeshCluster, startMesh } from './mesh-fixture.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const script = fileURLToPath(new URL('../../docs/examples/mesh_program.py', import.meta.url))
const mebibyte = 2 ** 20
const timeout = 30_000

/** A file that no peer has, in a folder of its own. */
async function fileOf(mesh: MeshCluster, name: string, bytes: number): Promise<FileFixture> {
  const folder = join(mesh.folder, `folder of ${name}`)
  await mkdir(folder, { recursive: true })
  return await aFile(folder, name, { bytes })
}

/** The Python program, which shares the folder of a file until it is killed. */
function startPython(peer: TandemProcess, { path, name }: FileFixture): ChildProcess {
  const folder = path.slice(0, -name.length - 1)
  const words = [script, peer.apiUrl.origin, 'python', folder]
  const child = spawn('python3', words, { stdio: 'inherit' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Lets a program take part through a peer, with one file. */
async function takePart(
  peer: TandemProcess,
  peerId: string,
  program: HttpProgram,
  file: FileFixture,
) {
  using api = apiOf(peer)
  const { name, sha256, size } = file
  await api.joinMesh({ peerId, url: program.url, answers: false })
  await api.meshHeartbeat({ peerId, isFirst: true, files: [{ name, sha256, size }] })
}

async function programsAt(peer: TandemProcess): Promise<number> {
  using api = apiOf(peer)
  return (await api.mesh()).programs
}

async function tandem(peer: TandemProcess, ...words: string[]): Promise<string> {
  const ended = await runTandem([...words, '--api', peer.apiUrl.origin])
  expect(ended, words.join(' ')).toMatchObject({ code: 0, stderr: '' })
  return ended.stdout
}

/** Waits until a peer finds a file that only programs have. */
async function expectFound(peer: TandemProcess, { name, sha256 }: FileFixture): Promise<void> {
  using api = apiOf(peer)
  const find = async (): Promise<unknown> =>
    await api.lookup({ name }).then(
      ({ files }) => files[0]?.sha256,
      () => 'not found',
    )
  await expect.poll(find, { timeout }).toBe(sha256)
}

test('what only the Python program has is found, downloaded, streamed, and then the peer’s own', async () => {
  await using mesh = await startMesh({ peers: 3 })
  const [first, second, third] = [mesh.peer(1), mesh.peer(2), mesh.peer(3)]
  const file = await fileOf(mesh, 'films/żółw 1.bin', 3 * mebibyte + 5)
  const small = await aFile(file.path.slice(0, -file.name.length), 'small.txt', { bytes: 7 })
  startPython(second, file)
  await expect.poll(() => programsAt(second), { timeout }).toBe(1)
  await expectFound(first, file)
  expect(await tandem(first, 'lookup', file.name)).toMatch(/python @ 127.0.0.1:\d+ \(a program\)/)

  // A part of it, over HTTP, before any peer has it.
  const url = new URL(`/files/by-name/${encodeURIComponent(file.name)}`, first.apiUrl)
  const part = await fetch(url, { headers: { range: 'bytes=2000000-2000009' } })
  const bytes = await readFile(file.path)
  expect(part.status).toBe(206)
  expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(2_000_000, 2_000_010))

  expect(await tandem(first, 'get', file.name)).toMatch(/^Downloaded .* from 127\.0\.0\.1:\d+ -> /)
  const got = await readFile(join(first.dataFolder, 'downloaded', file.name))
  expect(got.equals(bytes)).toBe(true)
  // Its copy is announced like any other: others get it from there.
  using thirdApi = apiOf(third)
  const holders = async (): Promise<unknown> => {
    const { files } = await thirdApi.lookup({ name: file.name })
    return files.flatMap(({ sources }) => sources.map(({ peerId, kind }) => `${peerId} ${kind}`))
  }
  await expect.poll(holders, { timeout }).toEqual(['peer1 downloaded'])
  expect(await downloadAndHash(third, { name: file.name })).toMatchObject({
    sha256OnDisk: file.sha256,
    sources: [{ peerId: 'peer1' }],
  })
  // By its hash, and at the peer through which the program takes part.
  expect(await tandem(second, 'get', small.sha256)).toContain("Downloaded 'small.txt'")
}, 90_000)

test('a program that sends wrong bytes, or too many, is refused and logged, and another is asked', async () => {
  await using mesh = await startMesh({ peers: 2 })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  const file = await fileOf(mesh, 'a.bin', 2 * mebibyte)
  const bytes = await readFile(file.path)
  const wrong = Buffer.from(bytes)
  wrong[mebibyte + 7] = 1 + (wrong[mebibyte + 7] ?? 0)
  await using liar = await startProgram(sending(wrong))
  await using endless = await startProgram(sending(Buffer.concat([bytes, bytes])))
  await takePart(second, 'liar', liar, file)
  await expectFound(first, file)
  const refused = await runTandem(['get', file.name, '--api', first.apiUrl.origin])
  expect(refused.stderr).toMatch(/^HASH_MISMATCH/)

  await takePart(second, 'endless', endless, file)
  await using honest = await startProgram(sending(bytes))
  await takePart(second, 'honest', honest, file)
  using api = apiOf(first)
  const count = async (): Promise<number> => (await api.lookup({ name: file.name })).files.length
  await expect.poll(count, { timeout }).toBe(2)
  expect(await downloadAndHash(first, { name: file.name })).toMatchObject({
    sha256OnDisk: file.sha256,
    sources: [{ peerId: 'honest' }],
  })
  expect(liar.asked).toHaveLength(1)
  const log = first.output.join('\n')
  expect(log).toMatch(/"peerId":"liar".*wrong bytes of .*improper claim/)
}, 60_000)

test('what a stalled program did not send is taken from another', async () => {
  await using mesh = await startMesh({ peers: 2 })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  const file = await fileOf(mesh, 'a.bin', 3 * mebibyte)
  const bytes = await readFile(file.path)
  await using stalling = await startProgram((response, start) => {
    beginAt(response, bytes.length, start)
    response.write(bytes.subarray(start, mebibyte + 1_000))
  })
  await using honest = await startProgram(sending(bytes))
  await takePart(second, 'stalling', stalling, file)
  await takePart(second, 'honest', honest, file)
  using api = apiOf(first)
  const find = async (): Promise<number> =>
    await api.lookup({ name: file.name }).then(
      ({ files }) => files.length,
      () => 0,
    )
  await expect.poll(find, { timeout }).toBe(2)
  expect(await downloadAndHash(first, { name: file.name })).toMatchObject({
    sha256OnDisk: file.sha256,
  })
  expect(stalling.asked.length).toBeGreaterThan(0)
  expect(honest.asked).toEqual([['/files/by-name/a.bin', mebibyte]])
}, 90_000)

test('a download outlives the program: it continues when that is back at another port', async () => {
  await using mesh = await startMesh({ peers: 2 })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  const file = await fileOf(mesh, 'a.bin', 6 * mebibyte)
  const python = startPython(second, file)
  await expectFound(first, file)
  using api = apiOf(first)
  await api.changeLimits({ downloadBytesPerSecond: mebibyte })
  const { id } = await api.startDownload({ name: file.name })
  const bytes = async (): Promise<number> => (await api.download({ id, waitMs: 0 })).bytes
  await expect.poll(bytes, { timeout }).toBeGreaterThan(0)
  python.kill('SIGKILL')
  await once(python, 'exit')
  const waitsFor = async (): Promise<unknown> => (await api.download({ id, waitMs: 0 })).waitingFor
  await expect.poll(waitsFor, { timeout }).toContain('python')
  const before = await bytes()
  expect(before).toBeLessThan(file.size)
  await api.changeLimits({ downloadBytesPerSecond: null })
  startPython(second, file)
  expect(await endOf(first, { id })).toMatchObject({
    state: 'done',
    result: { sha256: file.sha256 },
  })
  const got = await readFile(join(first.dataFolder, 'downloaded', file.name))
  expect(got.equals(await readFile(file.path))).toBe(true)
}, 90_000)
