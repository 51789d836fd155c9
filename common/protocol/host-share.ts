/** How hosts share what a process has: bytes of memory. Pure. */

export interface Usage {
  readonly bytesMax: number
  /** What all hosts hold together. */
  readonly usedBytes: number
  /** What the host that asks holds of it. */
  readonly hostBytes: number
}

/**
 * Whether a host may hold `bytes` more. A host may hold as much as is left free after it took them: one
 * alone gets half of all, n greedy ones an n+1st part each, and as much always stays free for a further one.
 */
export function mayHold(bytes: number, { bytesMax, usedBytes, hostBytes }: Usage): boolean {
  return hostBytes + bytes <= bytesMax - usedBytes - bytes
}

/**
 * What counts as one host: an IPv4 address or a name as it is; of an IPv6 address its /64, all of which
 * belongs to one machine or one home.
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
