import { Argument, Command } from 'commander'
import type { LimitsChange } from '../api/limit-shapes.ts'
import {
  type LimitKey,
  type LimitRow,
  limitKeys,
  limitOf,
  limitRule,
  limitTable,
  limitWords,
} from '../api/limit-table.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { limitsText } from './limits-report.ts'
import { printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { styleOf } from './style.ts'

export const limitActions = ['set', 'reset'] as const
type LimitAction = (typeof limitActions)[number]

export function limitsCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  const command = new Command('limits')
    .summary('show or change the limits of this peer')
    .description(
      `Shows the limits in force, or sets one manually until it is reset: 'limits set upload 5MB/s', 'limits set download unlimited', 'limits set downloads 3', 'limits reset'. The limits are ${limitWords.join(', ')}.`,
    )
    .addArgument(new Argument('[action]', 'change a limit').choices(limitActions))
    .argument('[limit]', 'the limit to change; reset without it resets all')
    .argument('[value]', 'its new value')
  return command.action(
    (action: LimitAction | undefined, limit: string | undefined, value: string | undefined) => {
      const complain = (reason: string): never => command.error(`error: ${reason}`)
      const change = parseLimitsChange({ action, limit, value }, complain)
      return run(command.opts<Options>(), (session) => limits(session, change))
    },
  )
}

async function limits(session: Session, change: LimitsChange | undefined): Promise<void> {
  const { api, signal, terminal, json } = session
  const now = await (change === undefined ? api.limits(signal) : api.changeLimits(change, signal))
  await terminal.print(json ? printableJson(now, 2) : limitsText(now, styleOf(terminal)))
}

interface LimitsWords {
  readonly action?: LimitAction | undefined
  readonly limit?: string | undefined
  readonly value?: string | undefined
}

/** Reports wrong usage and ends the command. */
type Complain = (reason: string) => never

/** Parses `set LIMIT VALUE` or `reset [LIMIT]`; undefined if neither was typed. */
function parseLimitsChange(
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
