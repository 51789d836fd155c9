import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { systemErrorCode } from '../errors.ts'

/** Where datagrams are sent to: an IPv4 group and a UDP port. */
export interface MulticastPlace {
  readonly group: string
  readonly port: number
}

/** Takes a datagram; `from` is the IP address of its sender. */
export type OnDatagram = (bytes: Uint8Array, from: string) => void

export interface MulticastChannel extends AsyncDisposable {
  /**
   * Sends a datagram through the interfaces with these IPv4 addresses, and receives through them from
   * now on. Calls follow one another.
   * @throws why it was not sent, if no interface sent it; the next call tries everything again
   */
  send(bytes: Uint8Array, interfaces: readonly string[]): Promise<void>
}

/** Datagrams between all processes of a local network. */
export type Multicast = (place: MulticastPlace, onDatagram: OnDatagram) => MulticastChannel

/**
 * Multicast over UDP. Several processes of a machine may use the same port. Datagrams stay in the
 * local network, and those through a loopback interface on the machine.
 */
export const udpMulticast: Multicast = (place, onDatagram) => new UdpChannel(place, onDatagram)

class UdpChannel implements MulticastChannel {
  readonly #place: MulticastPlace
  readonly #onDatagram: OnDatagram
  #socket: Socket | undefined

  constructor(place: MulticastPlace, onDatagram: OnDatagram) {
    this.#place = place
    this.#onDatagram = onDatagram
  }

  async send(bytes: Uint8Array, interfaces: readonly string[]): Promise<void> {
    const socket = (this.#socket ??= await this.#open())
    const failures: unknown[] = []
    for (const address of interfaces)
      try {
        await this.#sendThrough(socket, address, bytes)
      } catch (error) {
        failures.push(error)
      }
    if (failures.length > 0 && failures.length === interfaces.length) throw failures[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(this.#socket)
  }

  async #open(): Promise<Socket> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    socket.on('message', (bytes, { address }) => this.#onDatagram(bytes, address))
    try {
      socket.bind(this.#place.port)
      await once(socket, 'listening')
    } catch (error) {
      this.#close(socket)
      throw error
    }
    // Without a listener, an error would end the process.
    socket.on('error', () => this.#close(socket))
    return socket
  }

  async #sendThrough(socket: Socket, address: string, bytes: Uint8Array): Promise<void> {
    const { group, port } = this.#place
    try {
      socket.addMembership(group, address)
    } catch (error) {
      // It is a member already.
      if (systemErrorCode(error) !== 'EADDRINUSE') throw error
    }
    socket.setMulticastInterface(address)
    await new Promise<void>((resolve, reject) =>
      socket.send(bytes, port, group, (error) => (error === null ? resolve() : reject(error))),
    )
  }

  #close(socket: Socket | undefined): void {
    if (socket === undefined) return
    if (this.#socket === socket) this.#socket = undefined
    socket.removeAllListeners()
    socket.on('error', () => {})
    socket.close()
  }
}
