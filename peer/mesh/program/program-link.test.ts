import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../common/clock.ts'
import { toAppError } from '../../../common/errors.ts'
import { TestAuthority, TestIdentity } from '../../../common/testing/certificates.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { ProgramLink } from './program-link.ts'

const { signal } = new AbortController()

/** A program that answers every request with a status, or never. */
async function aProgram(
  status: number | undefined,
  credentials?: { key: string; cert: string },
): Promise<{ url: string; received: [string, unknown][] }> {
  const received: [string, unknown][] = []
  const answer: RequestListener = (request, response) => {
    text(request).then(
      (body) => {
        received.push([request.url ?? '', JSON.parse(body)])
        if (status !== undefined) response.writeHead(status).end()
      },
      () => response.destroy(),
    )
  }
  const server: Server = credentials ? createHttpsServer(credentials, answer) : createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const protocol = credentials ? 'https' : 'http'
  return { url: `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

test('a program gets the body as JSON', async () => {
  const program = await aProgram(204)
  await new ProgramLink({ clock: systemClock }).post(program, '/api/x', { name: 'ż' }, signal)
  expect(program.received).toEqual([['/api/x', { name: 'ż' }]])
})

test.each([
  ['refuses', 500, 'BAD_REPLY'],
  ['sends elsewhere', 302, 'BAD_REPLY'],
])('a program that %s is not followed', async (_, status, code) => {
  const program = await aProgram(status)
  const link = new ProgramLink({ clock: systemClock })
  await expect(link.post(program, '/', {}, signal)).rejects.toMatchObject({ code })
  expect(program.received).toHaveLength(1)
})

test('a program that is not there, or does not answer, is given up', async () => {
  const clock = new FakeClock()
  const link = new ProgramLink({ clock })
  const gone = { url: 'http://127.0.0.1:1' }
  await expect(link.post(gone, '/', {}, signal)).rejects.toMatchObject({ code: 'DIAL_FAILED' })
  const silent = await aProgram(undefined)
  const posting = link.post(silent, '/', {}, signal)
  await expect.poll(() => silent.received.length).toBe(1)
  await Promise.all([
    expect(posting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' }),
    clock.advance(5_000),
  ])
})

test('a program is not sent requests without end', async () => {
  const link = new ProgramLink({ clock: new FakeClock() })
  const post = async (): Promise<string> =>
    await link.post({ url: 'http://127.0.0.1:1' }, '/', {}, signal).then(
      () => '',
      (error: unknown) => toAppError(error).code,
    )
  const codes: string[] = []
  for (let i = 0; i < 60; i++) codes.push(await post())
  expect(codes.filter((code) => code === 'BUSY')).toHaveLength(10)
})

test('a program over HTTPS has a certificate of the cluster', async () => {
  const [authority, foreign] = [await TestAuthority.create(), await TestAuthority.create()]
  const identity = new TestIdentity(await authority.issue('peer1'))
  const link = new ProgramLink({ clock: systemClock, identity })
  const [good, bad] = [
    await aProgram(204, await authority.issue('program')),
    await aProgram(204, await foreign.issue('program')),
  ]
  await link.post(good, '/api/x', { name: 'a' }, signal)
  expect(good.received).toEqual([['/api/x', { name: 'a' }]])
  await expect(link.post(bad, '/', {}, signal)).rejects.toMatchObject({ code: 'DIAL_FAILED' })
  expect(bad.received).toEqual([])
})
