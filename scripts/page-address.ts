import { type Clock, systemClock } from '../common/clock.ts'
import { hasCode } from '../common/errors.ts'
import { type HttpPeerOptions, openHttpPeer } from '../peer/api/http-peer.ts'
import { type Desktop, openInBrowser, thisDesktop } from './browser.ts'

export interface PageAddress {
  readonly url: string
  /** Whether the address contains the peer's token, which the page removes from it. */
  readonly isSecret: boolean
}

/**
 * The address of the web page of a running peer: with its token, if the peer wants it and it is known.
 * @throws AppError PEER_UNREACHABLE
 */
export async function pageAddressOf(
  peer: HttpPeerOptions,
  { clock }: { clock: Clock },
): Promise<PageAddress> {
  const url = new URL('/', peer.url)
  const { token } = peer
  if ((await wantsToken(peer, clock)) && token !== undefined) {
    url.hash = `token=${encodeURIComponent(token)}`
    return { url: url.href, isSecret: true }
  }
  return { url: url.href, isSecret: false }
}

async function wantsToken(
  { token: _token, ...peer }: HttpPeerOptions,
  clock: Clock,
): Promise<boolean> {
  using api = openHttpPeer(peer, { clock })
  try {
    await api.downloads({ limit: 1 })
    return false
  } catch (error) {
    if (hasCode(error, 'TOKEN_REQUIRED')) return true
    throw error
  }
}

/**
 * Opens the page, or says where it is if there is no browser.
 * @returns what to tell the user
 */
export async function openPage(
  peer: HttpPeerOptions,
  desktop: Desktop = thisDesktop(),
): Promise<string> {
  const address = await pageAddressOf(peer, { clock: systemClock })
  if (await openInBrowser(address, { desktop, clock: systemClock }))
    return `Opened ${new URL('/', address.url).href}`
  return `There is no browser here. Open this address in one: ${address.url}`
}
