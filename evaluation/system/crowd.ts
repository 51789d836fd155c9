import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import type { TandemProcess } from './tandem-process.ts'

type Envelope = Readonly<Record<string, unknown>>

/** Connections that say hello as clients and send given frames; they read nothing. */
export interface Crowd extends AsyncDisposable {
  readonly sockets: readonly Socket[]
  /** Number of connections that are still open. */
  openCount(): number
}

/** One frame, implemented from PROTOCOL.md. */
export function frameOf(envelope: Envelope): Buffer {
  const body = Buffer.from(JSON.stringify(envelope))
  const header = Buffer.alloc(4)
  header.writeUInt32BE(body.length)
  return Buffer.concat([header, body])
}

const hello = frameOf({
  id: 1,
  type: 'hello',
  body: { protocol: 'tandem/1', role: 'client' },
})

/**
 * Opens `count` connections to `port`, from `hosts` addresses of this machine, and sends hello and
 * `sent` on each. The other side may close some at any time.
 */
export async function startCrowd(
  port: number,
  { count, hosts = 1 }: { count: number; hosts?: number },
  sent: Buffer = Buffer.alloc(0),
): Promise<Crowd> {
  const sockets: Socket[] = []
  const open = async (index: number): Promise<void> => {
    const place = index % hosts
    const localAddress = hosts === 1 ? '127.0.0.1' : `127.1.${place >> 7}.${2 + (place & 127)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    sockets.push(socket)
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {})
    socket.pause()
    socket.write(Buffer.concat([hello, sent]))
  }
  for (let first = 0; first < count; first += 64)
    await Promise.all(
      Array.from({ length: Math.min(64, count - first) }, (_, i) => open(first + i)),
    )
  return {
    sockets,
    openCount: () => sockets.filter(({ destroyed }) => !destroyed).length,
    async [Symbol.asyncDispose]() {
      await Promise.all(
        sockets.map(async (socket) => {
          if (socket.closed) return
          const closed = once(socket, 'close')
          socket.destroy()
          await closed
        }),
      )
    },
  }
}

/** Peak resident memory of a process so far, in MB. Linux only. */
export async function peakMegabytes({ pid }: TandemProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_000
}
