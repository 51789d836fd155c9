import { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { ReplyBody } from './reply-body.ts'

type Request = ConstructorParameters<typeof ServerResponse>[0]

test('a client that reads nothing is disconnected before its bytes are reused', async () => {
  const clock = new FakeClock()
  // Without a socket nothing is ever taken.
  const raw = new ServerResponse({ method: 'GET' } as Request)
  const reply = { raw, statusCode: 200, hijack: () => {}, getHeaders: () => ({}) }
  const { signal } = new AbortController()
  const body = new ReplyBody(reply as unknown as FastifyReply, {}, { signal, clock })
  const writing = expect(body.write(Buffer.from('a piece'))).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  })
  expect([raw.destroyed, body.isBroken]).toEqual([false, false])
  await clock.advance(60_000)
  await writing
  expect([raw.destroyed, body.isBroken, body.writtenBytes]).toEqual([true, true, 0])
  await expect(body.write(Buffer.from('the rest'))).rejects.toMatchObject({ code: 'CANCELLED' })
})
