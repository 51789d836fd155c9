import type { Socket } from 'node:net'
import { systemClock } from '../../common/clock.ts'
import { Relay } from '../../common/testing/relay.ts'
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
  return await Relay.before(port, { host: proxyHost, port }, (from, to, sender) => {
    clock.after(2 * speed.delayMs, () => carry(from, to, sender === 'caller' ? there : back))
  })
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
