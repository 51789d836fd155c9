import { limits } from '../common/limits.ts'
import { hostKeyOf, mayHold } from '../common/protocol/host-share.ts'
import type { Content, FoundContent, Source } from '../common/protocol/messages.ts'
import type { PeerOf } from './rank.ts'
import type { Session } from './registry.ts'

/**
 * Identifies a content by all three fields: peers may state different sizes or chunk roots for a
 * hash.
 */
function keyOf({ sha256, size, chunkRoot }: Content): string {
  return `${sha256} ${size} ${chunkRoot}`
}

/**
 * Which peers are downloading which contents, as they report: they are sources of some chunks, too.
 * This is not a copy, and is forgotten when the reporting connection ends.
 */
export class Fetching {
  /** By content, least recently reported first. */
  readonly #sessions = new Map<string, Set<Session>>()
  readonly #contents = new Map<Session, readonly Content[]>()

  /** How many reported contents have a hash. */
  readonly #hashes = new Map<string, number>()

  /** Number of reported contents, in total and per host. */
  #named = 0
  readonly #hostCounts = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#contents.size === 0
  }

  /** Whether some peer downloads a content with this hash. */
  isFetched(sha256: string): boolean {
    return this.#hashes.has(sha256)
  }

  /**
   * Replaces the contents that the peer of this connection is downloading. Contents beyond the
   * share of its host are ignored: their sources become visible once others have ended.
   */
  set(session: Session, named: readonly Content[]): void {
    const host = hostKeyOf(session.connection.remote.host)
    for (const content of this.#contents.get(session) ?? []) this.#delete(content, session)
    this.#count(host, -(this.#contents.get(session)?.length ?? 0))
    const hostCount = this.#hostCounts.get(host) ?? 0
    const usage = {
      bytesMax: limits.fetchingNamedMax,
      usedBytes: this.#named,
      hostBytes: hostCount,
    }
    const contents = mayHold(named.length, usage) ? named : []
    this.#count(host, contents.length)
    if (contents.length === 0) this.#contents.delete(session)
    else this.#contents.set(session, contents)
    for (const content of contents) {
      const known = this.#sessions.get(keyOf(content))
      if (known === undefined) this.#countHash(content, 1)
      this.#sessions.set(keyOf(content), (known ?? new Set()).add(session))
    }
  }

  /**
   * Adds the downloading peers to `found`, after its other sources, as far as there is room.
   * @param asker is left out
   */
  withPartialSources(
    found: FoundContent,
    { asker, peerOf }: { asker: string | undefined; peerOf: PeerOf },
  ): FoundContent {
    const sessions = this.#sessions.get(keyOf(found))
    if (sessions === undefined) return found
    const known = new Set(found.sources.map(({ peerId }) => peerId))
    const sources: Source[] = [...found.sources]
    // The sources returned now move to the end, which spreads requesters evenly.
    for (const session of sessions) {
      const { peerId = '' } = session
      const peer = peerOf(peerId)
      if (sources.length >= limits.sourcesPerContentMax) break
      if (peer?.state !== 'live' || peer.isAccused || known.has(peerId) || peerId === asker)
        continue
      known.add(peerId)
      sources.push({ peerId, host: peer.host, port: peer.port, kind: 'partial' })
      sessions.delete(session)
      sessions.add(session)
    }
    return { ...found, sources }
  }

  #count(host: string, more: number): void {
    this.#named += more
    const count = (this.#hostCounts.get(host) ?? 0) + more
    if (count === 0) this.#hostCounts.delete(host)
    else this.#hostCounts.set(host, count)
  }

  #delete(content: Content, session: Session): void {
    const sessions = this.#sessions.get(keyOf(content))
    sessions?.delete(session)
    if (sessions?.size !== 0) return
    this.#sessions.delete(keyOf(content))
    this.#countHash(content, -1)
  }

  #countHash({ sha256 }: Content, more: number): void {
    const count = (this.#hashes.get(sha256) ?? 0) + more
    if (count === 0) this.#hashes.delete(sha256)
    else this.#hashes.set(sha256, count)
  }
}
