import { Argument, Command } from 'commander'
import type { CommonOptions, RunCommand } from './command.ts'
import { printableJson } from './printable.ts'
import type { Session } from './session.ts'

export const replicationActions = ['resume'] as const

export function replicationCommand<Options extends CommonOptions>(
  run: RunCommand<Options>,
): Command {
  const command = new Command('replication')
    .summary('resume copying that is paused')
    .description(
      'Copying and dropping are paused after a start of the index, and when many peers are lost together; `status` says so. `replication resume` accepts the loss: missing copies are made immediately.',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(replicationActions))
  return command.action((_: (typeof replicationActions)[number], options: Options) =>
    run(options, resume),
  )
}

async function resume({ api, signal, terminal, json }: Session): Promise<void> {
  const resumed = await api.resumeReplication(signal)
  const text = resumed.released ? 'Copying resumes.' : 'Copying was not paused.'
  await terminal.print(json ? printableJson(resumed, 2) : text)
}
