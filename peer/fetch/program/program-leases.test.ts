import type { ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../common/clock.ts'
import { toAppError } from '../../../common/errors.ts'
import { FixedBufferSink } from '../../../common/protocol/bulk.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { Lease } from '../source/connection-pool.ts'
import {
  type AnswerGet,
  beginAt,
  type HttpProgram,
  sending,
  startProgram,
} from '../testing/http-program.ts'
import { ProgramFiles } from './program-files.ts'
import { ProgramLeases } from './program-leases.ts'

const mebibyte = 2 ** 20
const { content, bytes } = aContent(3 * mebibyte)
const { sha256, size } = content
const name = 'a b/żółw.bin'
const { signal } = new AbortController()

interface World {
  readonly program: HttpProgram
  readonly lease: Lease
  readonly lied: string[]
  readonly skipped: number[]
  readonly read: (chunk: number, options?: { signal?: AbortSignal }) => Promise<Buffer>
}

async function aWorld(answer: AnswerGet, clock = systemClock): Promise<World> {
  const program = await startProgram(answer)
  onTestFinished(() => program[Symbol.asyncDispose]())
  const lied: string[] = []
  const files = new ProgramFiles({ onLied: (_, why) => lied.push(why) })
  const source: Source = { peerId: 'p', host: '127.0.0.1', port: program.port, kind: 'program' }
  files.note(source, { url: program.url, name, sha256, size })
  const pool = { lease: () => expect.fail('it is no peer') }
  const lease = await new ProgramLeases({ pool, files, clock }).lease(source, 'bulk', signal)
  onTestFinished(() => lease[Symbol.dispose]())
  const skipped: number[] = []
  return {
    program,
    lease,
    lied,
    skipped,
    async read(chunk, options = {}) {
      const buffer = Buffer.alloc(mebibyte)
      const sink = new FixedBufferSink(buffer)
      const into = {
        begin: (count: number) => sink.begin(count),
        write: (piece: Uint8Array) => sink.write(piece),
        skip: (count: number) => void skipped.push(count),
      }
      const request = { sha256, chunk, for: 'download' } as const
      await lease.connection.request('read', request, { ...options, into })
      return sink.received
    },
  }
}

/** Without a length. */
function inPieces(response: ServerResponse, all: Buffer): void {
  response.write(all.subarray(0, 100_000))
  response.end(all.subarray(100_000))
}

function chunkOf(chunk: number): Buffer {
  return bytes.subarray(chunk * mebibyte, (chunk + 1) * mebibyte)
}

test('chunks that are requested in order take one HTTP request', async () => {
  const { program, lease, read } = await aWorld(sending(bytes))
  expect(await lease.connection.request('chunks', { sha256 })).toEqual({})
  const chunks = await Promise.all([read(0), read(1), read(2)])
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  expect(program.asked).toEqual([[`/files/by-name/${name}`, 0]])
})

test('a fetch that continues asks for the bytes that it lacks', async () => {
  const { program, read } = await aWorld(sending(bytes))
  expect((await read(1)).equals(chunkOf(1))).toBe(true)
  expect((await read(2)).equals(chunkOf(2))).toBe(true)
  // Not the next one.
  expect((await read(1)).equals(chunkOf(1))).toBe(true)
  expect(program.asked.map(([, start]) => start)).toEqual([mebibyte, mebibyte])
})

test('of a program that always begins at the front, bytes are skipped', async () => {
  const { read, skipped } = await aWorld((response) => sending(bytes)(response, 0))
  expect((await read(1)).equals(chunkOf(1))).toBe(true)
  expect(skipped.reduce((sum, count) => sum + count)).toBe(mebibyte)
})

test.each<[string, AnswerGet, string | undefined]>([
  [
    'is too short',
    (response) => inPieces(response, bytes.subarray(1)),
    'it ends after 3145727 bytes',
  ],
  [
    'is too long',
    (response) => inPieces(response, Buffer.concat([bytes, Buffer.from('x')])),
    'it sends more than 3145728 bytes',
  ],
  [
    'says that it is longer',
    (response) => beginAt(response, 4_000_000, 0),
    '4000000 bytes instead of 3145728',
  ],
  ['has no file', (response) => response.writeHead(404).end(), undefined],
  [
    'sends this peer elsewhere',
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    undefined,
  ],
  ['ends its connection', (response) => response.destroy(), undefined],
])('a program that %s fails', async (_, answer, lie) => {
  const { read, lied, program } = await aWorld(answer)
  const reading = Promise.all([read(0), read(1), read(2)])
  const { code } = await reading.then(() => expect.fail('it has all'), toAppError)
  expect(['BAD_REPLY', 'CONNECTION_CLOSED', 'DIAL_FAILED']).toContain(code)
  expect(lied).toEqual(lie === undefined ? [] : [lie])
  expect(program.asked.every(([, start]) => start === 0)).toBe(true)
})

test('another part of the file than was asked for is a lie', async () => {
  const { read, lied } = await aWorld((response, start) => beginAt(response, size, start + 1))
  await expect(read(1)).rejects.toMatchObject({ code: 'BAD_REPLY' })
  expect(lied).toEqual([`it sends 'bytes 1048577-3145727/3145728' instead of 1048576`])
})

test('a program that does not answer is given up, and so is one that stalls', async () => {
  const clock = new FakeClock()
  const silent = await aWorld(() => {}, clock)
  const asking = silent.read(0)
  const failed = expect(asking).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await clock.advance(10_000)
  await failed

  const begun = Promise.withResolvers<void>()
  const stalling = await aWorld((response) => {
    beginAt(response, size, 0)
    response.write(bytes.subarray(0, mebibyte), () => begun.resolve())
  })
  const stop = new AbortController()
  await stalling.read(0)
  const reading = stalling.read(1, { signal: stop.signal })
  await begun.promise
  stop.abort(new Error('enough'))
  await expect(reading).rejects.toThrow('enough')
})

test('no address is dialled that was not found as that of a program', async () => {
  const { program } = await aWorld(sending(bytes))
  const files = new ProgramFiles({ onLied: () => {} })
  const lease = async (): Promise<never> => expect.fail('it is no peer')
  const leases = new ProgramLeases({ pool: { lease }, files, clock: systemClock })
  const source: Source = { peerId: 'p', host: '127.0.0.1', port: program.port, kind: 'program' }
  using leased = await leases.lease(source, 'bulk', signal)
  const into = new FixedBufferSink(Buffer.alloc(mebibyte))
  const read = leased.connection.request('read', { sha256, chunk: 0, for: 'download' }, { into })
  await expect(read).rejects.toMatchObject({ code: 'BAD_REPLY' })
  expect(program.asked).toEqual([])
})
