import { type Address, formatAddress } from './protocol/transport.ts'

/** Where an HTTP server is reached. */
export interface HttpPlace extends Address {
  /** Whether it speaks HTTPS. */
  readonly isSecure?: boolean | undefined
}

/** The URL of an HTTP server, without a path: `https://192.0.2.1:8100`. */
export function httpUrl({ isSecure = false, ...address }: HttpPlace): string {
  return `${isSecure ? 'https' : 'http'}://${formatAddress(address)}`
}
