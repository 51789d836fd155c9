import { Command, Option } from 'commander'
import { AppError } from '../../common/errors.ts'
import type { Repair } from '../api/scrub-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import { progressLine } from './progress-bar.ts'
import type { Session } from './session.ts'

/** Between two questions for its progress. */
const pollMs = 1_000

export function repairCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('repair')
    .summary('replace a damaged file with its good content')
    .description(
      'Replaces a damaged file with its good content, fetched from other peers. The damaged file is kept in .tandem/damaged for a while. `scrub` and `problems` list damaged files.',
    )
    .argument('<name>', 'full name of a file')
    .addOption(
      new Option('--kind <kind>', 'the folder with the file')
        .choices(['shared', 'downloaded'])
        .default('shared'),
    )
    .action((name: string, options: Options & { kind: 'shared' | 'downloaded' }) =>
      run(options, (session) => repair(session, name, options.kind)),
    )
}

/** @throws AppError NOT_DAMAGED, REPAIR_FAILED, and errors of the peer */
async function repair(
  { api, signal, terminal, json }: Session,
  name: string,
  kind: 'shared' | 'downloaded',
): Promise<void> {
  let found = await api.repair({ name, kind }, signal)
  while (found.state === 'running') {
    const { bytes, size } = found
    terminal.showProgress((columns) =>
      progressLine({ state: 'running', bytes, size, bytesPerSecond: 0 }, columns),
    )
    found = await api.repairOf({ id: found.id, waitMs: pollMs }, signal)
  }
  if (found.error !== undefined)
    throw new AppError('REPAIR_FAILED', { name, reason: found.error.message })
  await terminal.print(json ? printableJson(found, 2) : repairedText(found))
}

function repairedText({ path, size }: Repair): string {
  return `Repaired ${printable(path)} (${bytesText(size)}). The damaged file is kept in .tandem/damaged.`
}
