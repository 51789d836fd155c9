import { networkInterfaces } from 'node:os'

/** The IPv4 addresses at which other machines reach this one. */
export function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)
}
