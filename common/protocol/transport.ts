import type { Duplex } from 'node:stream'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Something that listens. Disposing closes the door; connections that exist go on. */
export interface Listener extends AsyncDisposable {
  readonly address: Address
}

/** How connections are made: TCP, or memory in tests. TLS would be a third. */
export interface Transport {
  /**
   * Opens a connection.
   * @throws AppError DIAL_FAILED, or the signal's reason
   */
  dial(address: Address, options: { signal?: AbortSignal }): Promise<Duplex>
  /**
   * Listens on `address`, port 0 for any free one.
   * @throws AppError ADDRESS_IN_USE, DIAL_FAILED when the address cannot be had
   */
  listen(
    address: Address,
    onConnection: (stream: Duplex, remote: Address) => void,
  ): Promise<Listener>
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
