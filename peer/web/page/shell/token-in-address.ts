/** The parts of a window that an address needs. */
export type AddressBar = {
  readonly location: Pick<Location, 'hash' | 'pathname' | 'search'>
  readonly history: Pick<History, 'replaceState'>
}

/**
 * The token in an address such as `/#token=…`, which `tandem open` passes. The fragment is never sent
 * to a server, and it is removed immediately: neither the history nor a bookmark keeps it.
 */
export function takeTokenFrom({ location, history }: AddressBar): string | undefined {
  const given = /^#token=([^&]+)/.exec(location.hash)?.[1]
  if (given === undefined) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  try {
    return decodeURIComponent(given)
  } catch {
    return undefined
  }
}
