import { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { expect, test } from 'vitest'
import { clientSignal } from './routes.ts'

function aReply(): FastifyReply {
  const raw = new ServerResponse({ method: 'GET' } as ConstructorParameters<
    typeof ServerResponse
  >[0])
  return { raw } as FastifyReply
}

test('a client that leaves is noticed', () => {
  const reply = aReply()
  const signal = clientSignal(reply)
  expect([signal.aborted, clientSignal(reply)]).toEqual([false, signal])
  reply.raw.emit('close')
  expect(signal.reason).toMatchObject({ code: 'CANCELLED' })
})

test('a client that has left before is noticed', () => {
  const reply = aReply()
  reply.raw.destroy()
  expect(clientSignal(reply).reason).toMatchObject({ code: 'CANCELLED' })
})
