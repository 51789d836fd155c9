import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from './clock.ts'
import { guardedServerOptions, guardHttp } from './http-guard.ts'
import { limits } from './limits.ts'

const request = 'GET /wait HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'

/** A server that never answers `/wait` and answers everything else immediately. */
async function guarded(): Promise<{ port: number; waiting: ServerResponse[] }> {
  const waiting: ServerResponse[] = []
  const server = createServer(guardedServerOptions)
  guardHttp(
    server,
    ({ url }, response) => {
      if (url === '/wait') waiting.push(response)
      else response.end('here')
    },
    { clock: systemClock },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, waiting }
}

function dial(port: number, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).setEncoding('latin1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

async function answerTo(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
  return (await once(socket, 'data')).join('')
}

test('a client that pipelines too many requests is disconnected, others are served', async () => {
  const { port } = await guarded()
  const socket = dial(port)
  const closed = once(socket, 'close')
  socket.write(request.repeat(limits.httpPipelinedMax + 1))
  await closed
  expect(await answerTo(dial(port))).toMatch(/^HTTP\/1.1 200 /)
})

test('a host at its limit of running requests is told so, and another is served', async () => {
  const { port, waiting } = await guarded()
  for (let sent = 0; sent < limits.httpRequestsMax / 2; sent += limits.httpPipelinedMax)
    dial(port).write(request.repeat(limits.httpPipelinedMax))
  await expect.poll(() => waiting.length).toBe(limits.httpRequestsMax / 2)
  const answer = await answerTo(dial(port))
  expect(answer).toMatch(/^HTTP\/1.1 503 /)
  expect(answer).toContain('"code":"BUSY"')
  expect(await answerTo(dial(port, '127.9.9.9'))).toMatch(/^HTTP\/1.1 200 /)
})
