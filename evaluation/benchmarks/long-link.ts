import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { systemClock } from '../../common/clock.ts'
import { proxyHost } from '../system/cluster-fixture.ts'
import { DelayLine, type LinkSpeed } from './delay-line.ts'

/**
 * A proxy that makes the peer on this port appear far away: all its connections share one link, and
 * each opens a round trip late. Unlike on a real network nothing is lost, and there is no
 * congestion control.
 */
export async function startLongLink(port: number, speed: LinkSpeed): Promise<AsyncDisposable> {
  const clock = systemClock
  const there = new DelayLine(speed, { clock })
  const back = new DelayLine(speed, { clock })
  const sockets = new Set<Socket>()
  const server = createServer((outside) => {
    const inside = connect({ port, host: '127.0.0.1' })
    for (const socket of [outside, inside]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
    }
    clock.after(2 * speed.delayMs, () => {
      carry(outside, inside, there)
      carry(inside, outside, back)
    })
  })
  await once(server.listen(port, proxyHost), 'listening')
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Forwards all bytes from `from` to `to`, including the end of the stream. */
function carry(from: Socket, to: Socket, line: DelayLine): void {
  from.on('data', (bytes: Buffer) => {
    from.pause()
    line
      .pass(bytes.length, () => to.write(bytes))
      .then(
        () => from.resume(),
        () => {},
      )
  })
  from.once('close', () => {
    line.pass(0, () => to.end()).catch(() => {})
  })
}
