import type { Clock } from '../common/clock.ts'
import type { AppError } from '../common/errors.ts'
import type { TokenNews } from '../common/identity/authority-store.ts'
import type { SecurityNews } from '../common/identity/security-news.ts'
import { limits } from '../common/limits.ts'
import type { Address } from '../common/protocol/transport.ts'
import { RefusalNotices } from '../common/refusal-notices.ts'
import type { EventRecorder } from './events/event.ts'

/** Counts connections that were refused. */
interface RefusalCounter {
  onRefused(code: string): void
}

/** Records who was let into the cluster, refused and revoked; of those who are refused, not each time. */
export function securityEvents(
  events: EventRecorder,
  metrics: RefusalCounter,
  dependencies: { readonly clock: Clock },
): {
  readonly onNews: (news: SecurityNews) => void
  readonly onRefused: (remote: Address, error: AppError) => void
} {
  const notices = new RefusalNotices(dependencies)
  return {
    onNews(news) {
      if (news.kind === 'joined') {
        const reason = `as ${news.role}, from ${news.host}`
        events.record({ kind: 'member-joined', peerId: news.id, reason })
      } else if (news.kind === 'revoked') {
        // A command on the machine of the authority has no peer.
        const otherPeerId = news.by
        events.record({ kind: 'member-revoked', peerId: news.id, otherPeerId })
      } else if (news.kind !== 'join-refused') {
        // A command on the machine of the authority has no peer.
        events.record({ kind: news.kind, peerId: news.by, reason: termsOf(news.token) })
      } else {
        metrics.onRefused(news.code)
        // The attempts before it were recorded.
        if (news.code === 'TOO_MANY_ATTEMPTS') return
        if (!notices.isNews(news.host, 'JOIN_REFUSED')) return
        // Strangers choose the id: events must neither differ by it nor count as those of a peer.
        const reason = cut(`from ${news.host}: as ${news.id}: ${news.reason}`)
        events.record({ kind: 'join-refused', reason })
      }
    },
    onRefused({ host }, error) {
      metrics.onRefused(error.code)
      if (!notices.isNews(host, error.code)) return
      events.record({ kind: 'access-refused', reason: cut(`from ${host}: ${error.message}`) })
    },
  }
}

/** What a token lets in, without what lets in. */
function termsOf({ tokenId, role, usesMax, expiresMs }: TokenNews['token']): string {
  const uses = usesMax === undefined ? '' : `, ${usesMax} ${usesMax === 1 ? 'use' : 'uses'}`
  return `${tokenId}, role ${role}${uses}, until ${new Date(expiresMs).toISOString().slice(0, 16)}Z`
}

/** A phrase without a full stop. */
function cut(text: string): string {
  return text.replace(/\.$/, '').slice(0, limits.eventReasonCharactersMax)
}
