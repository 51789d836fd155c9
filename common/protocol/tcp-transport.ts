import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import {
  boundAddress,
  close,
  dialError,
  listening,
  plainHost,
  ReusedBuffer,
  tune,
} from './tcp-sockets.ts'
import { type Address, type Listener, type Transport, type Wire, wireOf } from './transport.ts'

async function dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire> {
  options.signal?.throwIfAborted()
  const reading = new ReusedBuffer()
  const socket = connect({ ...address, autoSelectFamily: true, onread: reading })
  tune(socket)
  // Reading starts here, and earlier bytes must reach the caller.
  socket.pause()
  try {
    await once(socket, 'connect', options)
    return {
      stream: socket,
      read: (onBytes) => {
        reading.onBytes = onBytes
        socket.resume()
      },
    }
  } catch (error) {
    socket.destroy()
    options.signal?.throwIfAborted()
    throw dialError(address, error)
  }
}

async function listen(
  address: Address,
  onConnection: (wire: Wire, remote: Address) => void,
): Promise<Listener> {
  // With the lowest water mark, a paused socket reads at most once more, however small the parts
  // are.
  const server = createServer({ noDelay: true, highWaterMark: 1 }, (socket) => {
    tune(socket)
    onConnection(wireOf(socket), {
      host: plainHost(socket.remoteAddress),
      port: socket.remotePort ?? 0,
    })
  })
  await listening(server, address)
  return { address: boundAddress(server, address), [Symbol.asyncDispose]: () => close(server) }
}

export const tcpTransport: Transport = { dial, listen, isPlain: true }
