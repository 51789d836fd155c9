import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { parseRulePattern } from '../../common/name-query.ts'
import type { PeerApi } from '../api/calls.ts'
import type { FollowCall } from '../api/follow-calls.ts'
import type { Followed } from '../api/follow-shapes.ts'

/** The patterns that a fake peer follows; it compares nothing. */
export class FakeFollow implements Pick<PeerApi, FollowCall> {
  readonly rules: Followed[] = []

  readonly followed: PeerApi['followed'] = async () => ({ followed: [...this.rules] })

  readonly follow: PeerApi['follow'] = async ({ pattern: typed, newest }) => {
    const pattern = parseRulePattern(typed)
    const before = this.rules.findIndex((rule) => rule.pattern === pattern)
    if (before === -1 && this.rules.length === limits.followRulesMax)
      throw new AppError('TOO_MANY_FOLLOWED', { max: limits.followRulesMax })
    const counts = { files: 0, held: 0, waiting: 0, kept: 0, failed: 0 }
    const more = newest === undefined ? {} : { newest }
    const rule = { pattern, ...more, addedMs: 1_000, isListed: false, ...counts }
    this.rules.splice(before === -1 ? this.rules.length : before, before === -1 ? 0 : 1, rule)
    return rule
  }

  readonly unfollow: PeerApi['unfollow'] = async ({ pattern: typed }) => {
    const pattern = parseRulePattern(typed)
    const place = this.rules.findIndex((rule) => rule.pattern === pattern)
    if (place === -1) throw new AppError('NOT_FOLLOWED', { pattern })
    this.rules.splice(place, 1)
  }
}
