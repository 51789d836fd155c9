import type { TopLevelSpec } from 'vega-lite'
import { drawPng, idealColor, looks } from './draw-png.ts'

/** What meshes of several sizes need. */
export interface MeshScaling {
  readonly files: number
  readonly meshes: readonly MeshStep[]
}

interface MeshStep {
  readonly members: number
  readonly startMs: number
  readonly idleBytesPerSecond: number
  readonly changeMs: number
  readonly changeBytesPerMember: number
}

type Panel = Extract<TopLevelSpec, { concat: unknown }>['concat'][number]
type Layer = Extract<Panel, { layer: unknown }>['layer'][number]

const panel = { width: 300, height: 190 }
/** Bytes per second that an idle member may need. */
const idleBytesMax = 1_000

const color = '#2f6db3'
const membersAxis = {
  field: 'members',
  type: 'quantitative',
  title: 'members',
  scale: { type: 'log' },
  axis: { format: 'd' },
} as const

/** Time and traffic over the number of members, as a PNG. */
export async function drawMeshScaling({ files, meshes }: MeshScaling): Promise<Buffer> {
  const values = meshes.map((mesh) => ({
    ...mesh,
    startSeconds: mesh.startMs / 1_000,
    changeSeconds: mesh.changeMs / 1_000,
    ideal: idleBytesMax,
    // Each round of gossip reaches several times as many.
    logarithm: Math.log2(mesh.members),
  }))
  return await drawPng({
    background: 'white',
    padding: 16,
    title: {
      text: `A mesh of ${meshes[0]?.members} to ${meshes.at(-1)?.members} members`,
      subtitle: [
        `${files.toLocaleString('en')} files of all members together; gossip every second to 3 others; simulated`,
        'dashed: log2(members) seconds, and the traffic that an idle member may need',
      ],
      anchor: 'start',
      offset: 18,
    },
    config: looks,
    columns: 2,
    bounds: 'flush',
    spacing: { row: 70, column: 90 },
    concat: [
      panelOf(values, 'one new file known everywhere', 's', ['changeSeconds', 'logarithm']),
      panelOf(values, 'an idle member', 'bytes/s', ['idleBytesPerSecond', 'ideal']),
      panelOf(values, 'all know all files, after all started', 's', ['startSeconds', 'logarithm']),
      panelOf(values, 'one new file, per member', 'bytes', ['changeBytesPerMember']),
    ],
  })
}

/** @param fields what was measured, and what to compare it with */
function panelOf(
  values: readonly object[],
  title: string,
  unit: string,
  [measured, ideal]: readonly [string, string?],
): Panel {
  const y = (field: string) => ({ field, type: 'quantitative', title: unit }) as const
  const dashed = (field: string): Layer => ({
    mark: { type: 'line', strokeDash: [5, 4], strokeWidth: 1.5, color: idealColor },
    encoding: { x: membersAxis, y: y(field) },
  })
  return {
    ...panel,
    title: { text: title, fontSize: 14 },
    data: { values: [...values] },
    layer: [
      ...(ideal === undefined ? [] : [dashed(ideal)]),
      {
        mark: { type: 'line', point: { color }, color },
        encoding: { x: membersAxis, y: y(measured) },
      },
    ],
  }
}
