import { Argument, Command } from 'commander'
import { limits } from '../../common/limits.ts'
import type { ReplicationRules } from '../api/cluster-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { countText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'

export const replicationActions = ['list', 'set', 'get', 'unset', 'resume'] as const
type Action = (typeof replicationActions)[number]

export function replicationCommand<Options extends CommonOptions>(
  run: RunCommand<Options>,
): Command {
  const command = new Command('replication')
    .summary('set the number of copies of files, or resume paused copying')
    .description(
      `Lists or changes the rules for the number of copies: \`replication set 'photos/**' 3\` keeps 3 copies of the files that match, \`replication get NAME\` shows how many a file should have, \`replication unset 'photos/**'\` removes a rule. A pattern is a glob, a file, or a folder with everything in it. If several rules match a name, the one set last applies. A content with several names has as many copies as the highest rule for any of them. Copies are added and dropped in the background. Copying and dropping pause after a start of the index, and when many peers are lost together; \`status\` says so. \`replication resume\` accepts the loss and ends the pause: missing copies are made immediately.`,
    )
    .addArgument(new Argument('[action]', 'what to do').choices(replicationActions).default('list'))
    .argument('[pattern]', 'pattern of a rule, or name of a file')
    .argument('[copies]', `number of copies, 1 to ${limits.replicationFactorMax}`)
  return command.action(
    (action: Action, pattern: string | undefined, copies: string | undefined) => {
      const act = parsed({ action, pattern, copies }, (reason) => command.error(`error: ${reason}`))
      return run(command.opts<Options>(), act)
    },
  )
}

interface Words {
  readonly action: Action
  readonly pattern?: string | undefined
  readonly copies?: string | undefined
}

type Act = (session: Session) => Promise<void>

const usages: Readonly<Record<Action, string>> = {
  list: 'replication list',
  set: 'replication set PATTERN COPIES',
  get: 'replication get NAME',
  unset: 'replication unset PATTERN',
  resume: 'replication resume',
}

/** @param complain reports wrong usage and ends the command */
function parsed({ action, pattern, copies }: Words, complain: (reason: string) => never): Act {
  const wordCount = [pattern, copies].filter((word) => word !== undefined).length
  const expected = usages[action].split(' ').length - 2
  if (wordCount !== expected || pattern === undefined) {
    if (wordCount !== expected) complain(`usage: ${usages[action]}`)
    return action === 'resume' ? resume : list
  }
  if (action === 'get') return (session) => get(session, pattern)
  if (action === 'unset') return (session) => unset(session, pattern)
  const factor = /^\d{1,2}$/.test(copies ?? '') ? Number(copies) : 0
  if (factor < 1 || factor > limits.replicationFactorMax)
    complain(`the number of copies must be 1 to ${limits.replicationFactorMax}`)
  return (session) => set(session, pattern, factor)
}

async function list({ api, signal, terminal, json }: Session): Promise<void> {
  const rules = await api.replicationRules(signal)
  const text = json ? printableJson(rules, 2) : rulesText(rules, styleOf(terminal))
  await terminal.print(text)
}

function rulesText({ byDefault, rules }: ReplicationRules, style: Style): string {
  const others = `${countText(byDefault, 'copy', 'copies')} of every file`
  if (rules.length === 0) return `No rules: ${others}.`
  const rows = rules.map(({ pattern, factor, changedMs }) => [
    printable(pattern),
    String(factor),
    new Date(changedMs).toISOString().slice(0, 16).replace('T', ' '),
  ])
  const columns = [
    { title: 'Pattern' },
    { title: 'Copies', align: 'right' },
    { title: 'Set (UTC)' },
  ] as const
  const table = tableText(columns, rows, (title) => style('bold', title))
  return `${table}\nThe first rule that matches applies; ${others} that none matches.`
}

async function set(session: Session, pattern: string, factor: number): Promise<void> {
  const { api, signal, terminal, json } = session
  const reply = await api.setReplication({ pattern, factor }, signal)
  if (json) return await terminal.print(printableJson(reply, 2))
  const copies = countText(factor, 'copy', 'copies')
  const lines = [
    `Files matching '${printable(pattern)}' will have ${copies}; \`status\` shows how far it is.`,
  ]
  if (reply.peers < factor)
    lines.push(
      styleOf(terminal)(
        'yellow',
        `There are only ${countText(reply.peers, 'peer')} to keep them: the other copies are made once there are more.`,
      ),
    )
  await terminal.print(lines.join('\n'))
}

async function unset(session: Session, pattern: string): Promise<void> {
  const { api, signal, terminal, json } = session
  await api.unsetReplication({ pattern }, signal)
  await terminal.print(
    json ? printableJson({ pattern }, 2) : `The rule '${printable(pattern)}' was removed.`,
  )
}

async function get(session: Session, name: string): Promise<void> {
  const { api, signal, terminal, json } = session
  const found = await api.replicationOf({ name }, signal)
  if (json) return await terminal.print(printableJson(found, 2))
  const { factor, rule } = found
  const cause = rule === undefined ? 'no rule matches' : `by the rule '${printable(rule.pattern)}'`
  await terminal.print(`${printable(name)}: ${countText(factor, 'copy', 'copies')}, ${cause}`)
}

async function resume({ api, signal, terminal, json }: Session): Promise<void> {
  const resumed = await api.resumeReplication(signal)
  const text = resumed.released ? 'Copying resumes.' : 'Copying was not paused.'
  await terminal.print(json ? printableJson(resumed, 2) : text)
}
