import { writeFile } from 'node:fs/promises'
import { conditionsNow } from '../../scaling/machine.ts'
import { drawMeshScaling } from '../../scaling/mesh-plot.ts'
import { writeResult } from '../../scaling/result.ts'
import { type LargeMeshFigures, measureLargeMesh } from './large-mesh.ts'

const meaning =
  'Real gossip in virtual time; each member has 1 to 20 ms, in whole ones, to the others. All members share equal records and the pages of catalogs, and what they know of a catalog is how far they know it: the indexes of a thousand peers would not fit in memory, and no database is written. Bytes are those of frames that a member sends; those of a page of changes are estimated from its first one.'

/**
 * Measures meshes of several sizes, one after the other.
 * @param options `output`: where the result is written, if anywhere; its drawing is put beside it, as a PNG
 * @throws Error if the members of one do not agree
 */
export async function measureMeshScaling(
  {
    sizes,
    files,
    output,
  }: { readonly sizes: readonly number[]; readonly files: number; readonly output?: string },
  print: (line: string) => void,
): Promise<void> {
  const about = conditionsNow()
  const meshes: LargeMeshFigures[] = []
  for (const members of sizes) {
    const figures = await measureLargeMesh({ members, files })
    print(JSON.stringify(figures))
    meshes.push(figures)
  }
  if (output === undefined) return
  await writeResult(output, { meaning, ...about, files, meshes })
  const drawing = output.replace(/(?:\.json)?$/, '.png')
  await writeFile(drawing, await drawMeshScaling({ files, meshes }))
  print(`${output}, ${drawing}`)
}
