/** The commands of a peer in a mesh. */
import { Command } from 'commander'
import type { MeshState } from '../api/shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { countText } from './human-units.ts'
import { printableJson } from './printable.ts'
import type { Session } from './session.ts'

export function meshCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('mesh')
    .summary('show whether this peer takes part in a mesh, and with how many others')
    .description(
      'Counts the members of the mesh. `peers` lists them, with the time since each was last heard.',
    )
    .action((options: Options) =>
      run(options, async (session) => print(session, await session.api.mesh(session.signal))),
    )
}

export function joinCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('join')
    .summary('join the mesh of another peer')
    .description(
      'Joins the mesh of the peer at HOST:PORT, for a peer that was started with `--mesh`. The address is tried again whenever no member is live there.',
    )
    .argument('<address>', 'HOST:PORT at which the other peer serves peers')
    .action((address: string, options: Options) =>
      run(options, async (session) =>
        print(session, await session.api.joinMesh({ address }, session.signal)),
      ),
    )
}

async function print({ terminal, json }: Session, mesh: MeshState): Promise<void> {
  await terminal.print(json ? printableJson(mesh, 2) : meshText(mesh))
}

function meshText({ isMember, live, suspect, gone, behind }: MeshState): string {
  if (!isMember) return 'This peer takes part in no mesh: it was started without --mesh.'
  const others = [
    suspect > 0 ? `${suspect} suspect` : '',
    gone > 0 ? `${gone} gone` : '',
    behind > 0 ? `catching up with ${countText(behind, 'catalog')}` : '',
  ].filter((part) => part !== '')
  return `Mesh: ${[`${countText(live, 'live member')}, this one included`, ...others].join(', ')}`
}
