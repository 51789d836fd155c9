import {
  type LimitKey,
  type LimitRow,
  limitKeys,
  limitOf,
  limitRule,
  limitTable,
  limitWords,
} from '../api/limit-table.ts'
import type { LimitsChange } from '../api/shapes.ts'
import { limitsText } from './limits-report.ts'
import { printableJson } from './printable.ts'
import type { Session } from './session.ts'

export const limitActions = ['set', 'reset'] as const
export type LimitAction = (typeof limitActions)[number]

/** Shows the limits, after the change if there is one. */
export async function limits(session: Session, change: LimitsChange | undefined): Promise<void> {
  const { api, signal, terminal, json } = session
  const now = await (change === undefined ? api.limits(signal) : api.changeLimits(change, signal))
  await terminal.print(
    json ? printableJson(now, 2) : limitsText(now, (format, text) => terminal.style(format, text)),
  )
}

/** As they were typed. */
export interface LimitsWords {
  readonly action?: LimitAction | undefined
  readonly limit?: string | undefined
  readonly value?: string | undefined
}

/** Says what is wrong, and ends the command. */
type Complain = (reason: string) => never

/** The change that was typed as `set LIMIT VALUE` or `reset [LIMIT]`; undefined when none was. */
export function parseLimitsChange(
  { action, limit, value }: LimitsWords,
  complain: Complain,
): LimitsChange | undefined {
  if (action === undefined) return undefined
  if (action === 'set') {
    if (limit === undefined || value === undefined) return complain('usage: limits set LIMIT VALUE')
    const key = limitCalled(limit, complain)
    return { [key]: parseValue(key, value, complain) }
  }
  if (value !== undefined) return complain('usage: limits reset [LIMIT]')
  const keys = limit === undefined ? limitKeys : [limitCalled(limit, complain)]
  return Object.fromEntries(keys.map((key) => [key, null]))
}

function limitCalled(word: string, complain: Complain): LimitKey {
  const found = limitKeys.find((key) => limitTable[key].word === word.toLowerCase())
  return found ?? complain(`the limit must be one of ${limitWords.join(', ')}`)
}

function parseValue(key: LimitKey, text: string, complain: Complain): number | 'unlimited' {
  const row: LimitRow = limitTable[key]
  return limitOf(row, text) ?? complain(`${row.word} ${limitRule(row)}`)
}
