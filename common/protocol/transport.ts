import type { Duplex } from 'node:stream'
import type { Cancel } from '../clock.ts'
import type { AppError } from '../errors.ts'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import type { SignedTrust } from '../identity/trust.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** A listening server. Disposing stops listening; existing connections continue. */
export interface Listener extends AsyncDisposable {
  readonly address: Address
}

/** One end of a connection. */
export interface Wire {
  /** For writing, pausing and ending; it emits no data. */
  readonly stream: Duplex
  /**
   * Starts reading; called once, and no earlier bytes are lost. `onBytes` receives bytes that are
   * valid until it returns or, if it paused the stream, until the stream is resumed.
   */
  read(onBytes: (bytes: Buffer) => void): void
  /** Who the other side has proven to be; absent where nothing is proven, without TLS. */
  readonly proven?: ProvenIdentity
  /** Why an accepted connection must be refused. */
  readonly refusal?: AppError
}

/** A wire that reads the data events of a stream. */
export function wireOf(stream: Duplex): Wire {
  return { stream, read: (onBytes) => stream.on('data', onBytes) }
}

/** Creates connections: TCP, TCP with TLS, or memory in tests. */
export interface Transport {
  /** Whether it speaks no TLS with processes of other machines. */
  readonly isPlain?: boolean
  /** In a secured cluster: whom its members trust. */
  readonly trusts?: TrustHolder
  /**
   * Opens a connection.
   * @throws AppError DIAL_FAILED, or the signal's reason
   */
  dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire>
  /**
   * Listens on `address`; port 0 takes any free port.
   * @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable
   */
  listen(address: Address, onConnection: (wire: Wire, remote: Address) => void): Promise<Listener>
}

/** Holds the trust document of a secured cluster, which members exchange. */
export interface TrustHolder {
  readonly trust: { readonly number: number }
  readonly signedTrust: SignedTrust
  /** @throws AppError TRUST_REFUSED */
  accept(signedTrust: SignedTrust): boolean
  onChange(callback: () => void): Cancel
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Parses `host:port` or `[v6]:port`; undefined if invalid. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined
  return { host, port }
}
