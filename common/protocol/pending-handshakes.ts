import type { Socket } from 'node:net'
import { limits } from '../limits.ts'
import { hostKeyOf } from './host-share.ts'
import { plainHost } from './tcp-sockets.ts'

type Place = Pick<Socket, 'remoteAddress' | 'remotePort'>

/**
 * Connections of a server that have not ended their handshakes. Beyond {@link limits.handshakesMax}, the host
 * with the most of them loses its oldest: connections that only stall keep no others out.
 */
export class PendingHandshakes {
  readonly #sockets = new Map<string, Socket>()
  /** The keys of each host's sockets, oldest first. */
  readonly #byHost = new Map<string, Set<string>>()

  get size(): number {
    return this.#sockets.size
  }

  add(socket: Socket): void {
    const key = keyOf(socket)
    const host = hostOf(socket)
    this.#sockets.set(key, socket)
    const ofHost = this.#byHost.get(host) ?? new Set()
    this.#byHost.set(host, ofHost.add(key))
    // Its address is not known any more then.
    socket.once('close', () => this.#remove(key, host))
    if (this.#sockets.size > limits.handshakesMax) this.#evict()
  }

  /** @param socket with the same remote end as the one that was added */
  ended(socket: Place): void {
    this.#remove(keyOf(socket), hostOf(socket))
  }

  #remove(key: string, host: string): void {
    if (!this.#sockets.delete(key)) return
    const ofHost = this.#byHost.get(host)
    ofHost?.delete(key)
    if (ofHost?.size === 0) this.#byHost.delete(host)
  }

  #evict(): void {
    const [most] = [...this.#byHost].sort(([, one], [, other]) => other.size - one.size)
    if (most === undefined) return
    const [host, keys] = most
    const [oldest = ''] = keys
    const socket = this.#sockets.get(oldest)
    this.#remove(oldest, host)
    socket?.destroy()
  }
}

function keyOf({ remoteAddress, remotePort }: Place): string {
  return `${remoteAddress} ${remotePort}`
}

function hostOf({ remoteAddress }: Place): string {
  return hostKeyOf(plainHost(remoteAddress))
}
