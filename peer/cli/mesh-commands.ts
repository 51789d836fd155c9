/** The commands of a peer in a mesh. */
import { Command } from 'commander'
import { AppError } from '../../common/errors.ts'
import { isSha256 } from '../../common/ids.ts'
import { formatAddress } from '../../common/protocol/transport.ts'
import type { MeshQuery, MeshState } from '../api/mesh-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { isPattern } from './download-command.ts'
import { bytesText } from './human-units.ts'
import { countsText } from './mesh-report.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'

type Hit = MeshQuery['hits'][number]

/** How long one question for further hits waits. */
const askMs = 5_000

export function meshCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('mesh')
    .summary('show whether this peer takes part in a mesh, and with how many others')
    .description(
      'Counts the members of the mesh. `peers` lists them, with the time of the last sign of life of each.',
    )
    .action((options: Options) =>
      run(options, async (session) => print(session, await session.api.mesh(session.signal))),
    )
}

export function joinCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('join')
    .summary('join the mesh of another peer')
    .description(
      'Joins the mesh of the peer at HOST:PORT, for a peer that was started with `--mesh`. The peer retries the address whenever no live member is there.',
    )
    .argument('<address>', 'HOST:PORT at which the other peer serves peers')
    .action((address: string, options: Options) =>
      run(options, async (session) =>
        print(session, await session.api.joinMesh({ address }, session.signal)),
      ),
    )
}

export function askCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('ask')
    .summary('ask the members of a mesh for a file')
    .description(
      'Asks each member of the mesh whether it has a file, and shows the answers as they arrive, until all have answered or three seconds have passed. `lookup`, `search`, `why` and `download` do this automatically if this peer does not know the catalogs of all members.',
    )
    .argument('<name>', 'full name of a file, a pattern, or a SHA-256')
    .action((name: string, options: Options) => run(options, (session) => ask(session, name)))
}

/** Prints hits as they arrive; for programs all of them at the end. */
async function ask({ api, terminal, json, signal }: Session, name: string): Promise<void> {
  const { queryId } = await api.askMesh(wanted(name), signal)
  const hits: Hit[] = []
  for (let isOver = false; !isOver; ) {
    const page = await api.meshQuery({ queryId, after: hits.length, waitMs: askMs }, signal)
    if (!json) for (const hit of page.hits) await terminal.print(hitText(hit))
    hits.push(...page.hits)
    ;({ isOver } = page)
  }
  if (json) await terminal.print(printableJson(hits, 2))
  else if (hits.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
}

function wanted(name: string): Parameters<Session['api']['askMesh']>[0] {
  const sha256 = name.toLowerCase()
  if (isSha256(sha256)) return { sha256 }
  return isPattern(name) ? { pattern: name } : { name }
}

function hitText({ name, sha256, size, peerId, host, port, url }: Hit): string {
  const at = `${printable(peerId)} at ${printable(url ?? formatAddress({ host, port }))}`
  return `${printable(name)}  ${bytesText(size)}  ${sha256.slice(0, 12)}  ${at}`
}

async function print({ terminal, json }: Session, mesh: MeshState): Promise<void> {
  await terminal.print(json ? printableJson(mesh, 2) : meshText(mesh))
}

function meshText(mesh: MeshState): string {
  if (mesh.isMember) return `Mesh: ${countsText(mesh)}`
  return 'This peer is not in a mesh: it was started without --mesh.'
}
