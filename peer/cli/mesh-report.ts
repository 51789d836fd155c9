import type { MeshCounts } from '../api/mesh-shapes.ts'
import { countText } from './human-units.ts'

/** Who takes part in the mesh of a peer, and what it does not know of them. */
export function countsText(counts: MeshCounts): string {
  const { live, suspect, gone, behind, notKept, programs } = counts
  const others = [
    suspect > 0 ? `${suspect} suspect` : '',
    gone > 0 ? `${gone} gone` : '',
    programs > 0 ? countText(programs, 'program') : '',
    behind > 0 ? `catching up with ${countText(behind, 'catalog')}` : '',
    notKept > 0 ? `no room for ${countText(notKept, 'catalog')}: those members are asked` : '',
  ].filter((part) => part !== '')
  const members = `${countText(live, 'live member')}, this one included`
  return [members, ...others].join(', ')
}
