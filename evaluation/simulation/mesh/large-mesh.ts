import { SimulatedMesh } from './simulated-mesh.ts'

/** What a mesh of one size needs. Bytes are those that a member sends: frames, and hellos of new connections. */
export interface LargeMeshFigures {
  readonly members: number
  readonly files: number
  /** From the start of all members together until each knows all others and all files. */
  readonly startMs: number
  readonly startBytesPerMember: number
  /** Of a mesh in which nothing happens. */
  readonly idleBytesPerSecond: number
  /** From one new file until it is known everywhere. */
  readonly changeMs: number
  /** Beyond what an idle mesh needs, until all is quiet again. */
  readonly changeBytesPerMember: number
}

const idleMs = 20_000
const stepMs = 100
/** A change is told for this long after all know it. */
const echoMs = 10_000
const startMsMax = 600_000

/**
 * Starts a mesh of some size, lets it be idle, and adds one file.
 * @throws Error if the members do not agree
 */
export async function measureLargeMesh({
  members,
  files,
}: {
  members: number
  files: number
}): Promise<LargeMeshFigures> {
  const mesh = new SimulatedMesh({ seed: `large ${members}`, count: members, isLight: true })
  const sentBytes = (): number =>
    mesh.members.reduce(
      (sum, { address }) => sum + mesh.network.trafficOf(address.host).sentBytes,
      0,
    )
  for (const [index, member] of mesh.members.entries()) {
    member.addFiles(Math.floor((files + index) / members))
    member.start([mesh.member(0).address])
  }
  const startMs = await untilAgreed(mesh, 1_000, startMsMax)
  const startBytesPerMember = sentBytes() / members
  await mesh.clock.advance(echoMs)

  const idleFrom = sentBytes()
  await mesh.clock.advance(idleMs)
  const idleBytes = (sentBytes() - idleFrom) / members
  const idleBytesPerSecond = idleBytes / (idleMs / 1000)

  const changeFrom = sentBytes()
  mesh.member(members >> 1).addFiles(1)
  const changeMs = await untilAgreed(mesh, stepMs, startMsMax)
  await mesh.clock.advance(echoMs)
  const idleShare = (idleBytesPerSecond * (changeMs + echoMs)) / 1000
  const changeBytesPerMember = (sentBytes() - changeFrom) / members - idleShare
  return {
    members,
    files,
    startMs,
    startBytesPerMember: Math.round(startBytesPerMember),
    idleBytesPerSecond: Math.round(idleBytesPerSecond),
    changeMs,
    changeBytesPerMember: Math.round(changeBytesPerMember),
  }
}

async function untilAgreed(mesh: SimulatedMesh, step: number, maxMs: number): Promise<number> {
  for (let passedMs = 0; passedMs <= maxMs; passedMs += step) {
    if (mesh.disagreement() === undefined) return passedMs
    await mesh.clock.advance(step)
  }
  throw new Error(`no agreement after ${maxMs} ms: ${mesh.disagreement()}`)
}
