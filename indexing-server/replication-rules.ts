import { AppError } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { parseRulePattern } from '../common/name-query.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type { Decisions } from './decisions.ts'
import type { EventRecorder } from './events/event.ts'
import type { Registry, Session } from './registry.ts'
import type { Factors } from './replication/factors.ts'

interface Dependencies {
  readonly registry: Registry
  readonly decisions: Decisions
  readonly factors: Factors
  readonly events: EventRecorder
}

export type RuleMessage = 'set-replication' | 'replication-rules' | 'replication-of'

/** Setting and listing how many copies files should have. */
export function ruleHandlers({
  registry,
  decisions,
  factors,
  events,
}: Dependencies): Pick<Handlers<'peer' | 'client', 'index', Session>, RuleMessage> {
  return {
    async 'set-replication'({ pattern, factor }, session) {
      const { peerId } = registry.heard(session, 'set-replication')
      const key = parseRulePattern(pattern)
      if (factor === undefined && !factors.has(key))
        throw new AppError('RULE_NOT_FOUND', { pattern: key })
      const value = factor === undefined ? null : { factor }
      await decisions.decide([{ kind: 'replication', key, value }])
      if (factor === undefined) events.record({ kind: 'replication-unset', peerId, name: key })
      else {
        const reason = factor === 1 ? '1 copy' : `${factor} copies`
        events.record({ kind: 'replication-set', peerId, name: key, reason })
      }
      return { peers: registry.keeperCount }
    },
    async 'replication-rules'() {
      const rules = factors.rules.slice(0, limits.replicationRulesMax)
      return { byDefault: factors.default, rules }
    },
    async 'replication-of'({ name }) {
      const rule = factors.ruleFor(parseName(name))
      return { factor: rule?.factor ?? factors.default, ...(rule !== undefined && { rule }) }
    },
  }
}
