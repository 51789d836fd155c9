import { limits } from '../common/limits.ts'
import { hostKeyOf, mayHold } from '../common/protocol/host-share.ts'
import type { Content, FoundContent, Source } from '../common/protocol/messages.ts'
import type { PeerOf } from './rank.ts'
import type { Session } from './registry.ts'

/** Names a content as it is found: peers may state other sizes or chunk roots for a hash. */
function keyOf({ sha256, size, chunkRoot }: Content): string {
  return `${sha256} ${size} ${chunkRoot}`
}

/**
 * Who is downloading what, as the peers say: such a peer is a source, too, though of some chunks only.
 * Nothing of it is a copy, and nothing is kept longer than the connection on which it was told.
 */
export class Fetching {
  /** By content; those that were named least recently first. */
  readonly #sessions = new Map<string, Set<Session>>()
  readonly #contents = new Map<Session, readonly Content[]>()

  /** Contents that are named, in all and by host. */
  #named = 0
  readonly #hostCounts = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#contents.size === 0
  }

  /**
   * The peer of this connection downloads these contents, and no others. What is beyond the share of its
   * host is passed over: its sources are found as soon as others have ended.
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
      const sessions = this.#sessions.get(keyOf(content)) ?? new Set()
      this.#sessions.set(keyOf(content), sessions.add(session))
    }
  }

  /**
   * `found` with those who are downloading it after its other sources, as far as there is room.
   * @param asker who needs not be told of itself
   */
  withPartialSources(
    found: FoundContent,
    { asker, peerOf }: { asker: string | undefined; peerOf: PeerOf },
  ): FoundContent {
    const sessions = this.#sessions.get(keyOf(found))
    if (sessions === undefined) return found
    const known = new Set(found.sources.map(({ peerId }) => peerId))
    const sources: Source[] = [...found.sources]
    // Those that are named now go to the end, so that all have about as many to serve.
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
    if (sessions?.size === 0) this.#sessions.delete(keyOf(content))
  }
}
