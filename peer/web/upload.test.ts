import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { uploadedBytes } from './upload.ts'

/** Reads an upload of which a piece arrives every ten seconds. @returns the bytes received */
async function upload(pieceBytes: number, pieces: number): Promise<number> {
  const clock = new FakeClock()
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < pieces; sent += 1) {
      await clock.sleep(10_000)
      yield Buffer.alloc(pieceBytes)
    }
  }
  const request = { raw: body(), headers: {}, ip: '127.0.0.1' } as unknown as FastifyRequest
  let received = 0
  const read = async (): Promise<void> => {
    for await (const bytes of uploadedBytes(request, {} as FastifyReply, { clock }))
      received += bytes.length
  }
  const reading = read()
  reading.catch(() => {})
  for (let seconds = 0; seconds < 300; seconds += 1) await clock.advance(1_000)
  await reading
  return received
}

test('an upload that is slow enough to hold its place for ever is ended', async () => {
  await expect(upload(1, 1_000)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test('an upload at the least rate is received', async () => {
  const pieceBytes = 11 * limits.sendBytesPerSecondMin
  expect(await upload(pieceBytes, 20)).toBe(20 * pieceBytes)
})
