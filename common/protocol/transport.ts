import type { Duplex } from 'node:stream'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Something that listens. Disposing closes the door; connections that exist go on. */
export interface Listener extends AsyncDisposable {
  readonly address: Address
}

/** One end of a connection. */
export interface Wire {
  /** To write to, to pause and to end; what comes is not to be had from it. */
  readonly stream: Duplex
  /**
   * Begins to read; called once, and nothing is lost before. `onBytes` takes what comes, which is
   * valid until it returns or, if it paused the stream, until that is resumed.
   */
  read(onBytes: (bytes: Buffer) => void): void
}

/** A wire that reads what its stream emits. */
export function wireOf(stream: Duplex): Wire {
  return { stream, read: (onBytes) => stream.on('data', onBytes) }
}

/** How connections are made: TCP, or memory in tests. TLS would be a third. */
export interface Transport {
  /**
   * Opens a connection.
   * @throws AppError DIAL_FAILED, or the signal's reason
   */
  dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire>
  /**
   * Listens on `address`, port 0 for any free one.
   * @throws AppError ADDRESS_IN_USE, DIAL_FAILED when the address cannot be had
   */
  listen(address: Address, onConnection: (wire: Wire, remote: Address) => void): Promise<Listener>
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The address in `host:port` or `[v6]:port`, or undefined when the text is none. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { host, port }
}
