import type { MeshDeed, MeshScript } from './mesh-script.ts'
import { SimulatedMesh } from './simulated-mesh.ts'

export interface MeshOutcome {
  /** What is wrong at the end; empty if nothing. */
  readonly violations: readonly string[]
  /** Rounds after the last fault until all members agreed; undefined if they did not in time. */
  readonly rounds: number | undefined
  readonly simulatedMs: number
}

/** An idle mesh of any size stays below this, sent and received. */
const idleBytesPerSecondMax = 1_000
/** All is quiet for this long at the end. */
const quietMs = 120_000

/** The rounds within which all members agree after the last fault. */
function roundsMaxOf(count: number): number {
  return 10 * Math.ceil(Math.log2(count))
}

/**
 * Lives through a script. When the faults are over, all members that run must agree on who is live and
 * have all catalogs, within a bounded number of rounds; then those that are gone must be dead, and
 * nothing may happen any more, at little traffic.
 */
export async function runMeshScript(
  script: MeshScript,
  print: (line: string) => void = () => {},
): Promise<MeshOutcome> {
  const mesh = new SimulatedMesh({ seed: `mesh run ${script.seed}`, count: script.count })
  const violations: string[] = []
  for (const { atMs, deed } of script.deeds) {
    await mesh.clock.advance(Math.max(0, atMs - mesh.clock.elapsedMs))
    print(`${(atMs / 1000).toFixed(1)} s: ${JSON.stringify(deed)}`)
    await doDeed(deed, mesh)
  }
  await mesh.clock.advance(Math.max(0, script.endMs - mesh.clock.elapsedMs))
  heal(mesh)
  // Members may have met nowhere but at the well-known host.
  if (!mesh.member(0).isRunning) mesh.member(0).start([])
  const rounds = await mesh.roundsUntilAgreed(roundsMaxOf(script.count))
  if (rounds === undefined) violations.push(`no agreement: ${mesh.disagreement()}`)
  else violations.push(...(await checkQuiet(mesh)))
  return { violations, rounds, simulatedMs: mesh.clock.elapsedMs }
}

/** Once those that are gone are dead, an idle mesh stays as it is. */
async function checkQuiet(mesh: SimulatedMesh): Promise<string[]> {
  const { settings } = mesh
  const bound = roundsMaxOf(mesh.members.length) * settings.gossipMs
  await mesh.clock.advance(settings.deadAfterMs + bound)
  const violations: string[] = []
  for (const one of mesh.running)
    for (const { record, state } of one.mesh.members())
      if (state === 'suspect')
        violations.push(`${one.peerId} of ${record.peerId}: it is still suspect`)
  const before = mesh.running.map(({ address }) => ({ ...mesh.network.trafficOf(address.host) }))
  const { hash } = mesh.member(0).mesh
  await mesh.clock.advance(quietMs)
  const disagreement = mesh.disagreement()
  if (disagreement !== undefined) violations.push(`at rest: ${disagreement}`)
  if (mesh.member(0).mesh.hash !== hash) violations.push('at rest: something changed')
  for (const [index, { peerId, address }] of mesh.running.entries()) {
    const { sentBytes, receivedBytes } = mesh.network.trafficOf(address.host)
    const { sentBytes: sent = 0, receivedBytes: received = 0 } = before[index] ?? {}
    const bytesPerSecond = (sentBytes - sent + receivedBytes - received) / (quietMs / 1000)
    if (bytesPerSecond > idleBytesPerSecondMax)
      violations.push(`at rest: ${peerId} needs ${Math.round(bytesPerSecond)} bytes per second`)
  }
  return violations
}

function heal({ network: { weather } }: SimulatedMesh): void {
  weather.isCut = () => false
  weather.loss = 0
}

async function doDeed(deed: MeshDeed, mesh: SimulatedMesh): Promise<void> {
  const { weather } = mesh.network
  switch (deed.what) {
    case 'start': {
      const member = mesh.member(deed.member)
      if (member.isRunning) return
      member.restart({ hasDisk: deed.hasDisk })
      member.start([mesh.member(0).address])
      return
    }
    case 'crash':
      return mesh.member(deed.member).crash()
    case 'stop':
      // It waits for answers, which come in virtual time.
      await Promise.all([mesh.member(deed.member).stop(), mesh.clock.advance(2_000)])
      return
    case 'add-files':
      return mesh.member(deed.member).addFiles(deed.count)
    case 'jump-clock':
      mesh.member(deed.member).wall.offsetMs = deed.byMs
      return
    case 'partition': {
      const side = new Set(deed.members.map((member) => mesh.member(member).address.host))
      weather.isCut = (from, to) =>
        deed.isOneWay ? side.has(from) && !side.has(to) : side.has(from) !== side.has(to)
      return
    }
    case 'cut-link': {
      const [from, to] = [mesh.member(deed.from), mesh.member(deed.to)].map((m) => m.address.host)
      const { isCut } = weather
      weather.isCut = (a, b) => (a === from && b === to) || isCut(a, b)
      return
    }
    case 'lose-messages':
      weather.loss = deed.share
      return
    case 'heal':
      return heal(mesh)
  }
}
