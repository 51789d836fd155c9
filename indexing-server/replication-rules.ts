import { AppError } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { parseRulePattern } from '../common/name-query.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type { Decisions } from './decisions.ts'
import type { Registry, Session } from './registry.ts'
import type { Factors } from './replication/factors.ts'

interface Dependencies {
  readonly registry: Registry
  readonly decisions: Decisions
  readonly factors: Factors
}

export type RuleMessage = 'set-replication' | 'replication-rules' | 'replication-of'

/** Setting and listing how many copies files should have. */
export function ruleHandlers({
  registry,
  decisions,
  factors,
}: Dependencies): Pick<Handlers<'peer' | 'client', 'index', Session>, RuleMessage> {
  return {
    async 'set-replication'({ pattern, factor }, session) {
      registry.heard(session, 'set-replication')
      const key = parseRulePattern(pattern)
      if (factor === undefined && !factors.has(key))
        throw new AppError('RULE_NOT_FOUND', { pattern: key })
      const value = factor === undefined ? null : { factor }
      await decisions.decide([{ kind: 'replication', key, value }])
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
