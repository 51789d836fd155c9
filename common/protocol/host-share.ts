/** How hosts share the memory of a process. Pure. */

export interface Usage {
  readonly bytesMax: number
  /** Held by all hosts together. */
  readonly usedBytes: number
  /** Held by the requesting host. */
  readonly hostBytes: number
}

/**
 * Whether a host may hold `bytes` more: it may hold as much as remains free afterwards. A single
 * host gets half of the total, n greedy ones 1/(n+1) each, and as much always stays free for
 * another.
 */
export function mayHold(bytes: number, { bytesMax, usedBytes, hostBytes }: Usage): boolean {
  return hostBytes + bytes <= bytesMax - usedBytes - bytes
}

/**
 * What counts as one host: an IPv4 address or a name; for an IPv6 address its /64, which belongs to
 * one machine or home.
 */
export function hostKeyOf(host: string): string {
  if (!host.includes(':')) return host
  const [head = '', tail] = host.toLowerCase().split('%', 1)[0]?.split('::') ?? []
  const groups = head.split(':').filter((group) => group !== '')
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length
  const prefix = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0')]
  const all = tail === undefined ? prefix : [...prefix, ...tail.split(':')]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '') || '0')
    .join(':')}::/64`
}
