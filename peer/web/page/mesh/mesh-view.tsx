import type { JSX } from 'preact'
import { EmptyState, LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { MeshPeers } from './mesh-peers.tsx'
import { MeshQueries } from './mesh-queries.tsx'
import { countsText } from './mesh-text.ts'
import { TrackedFiles } from './tracked-files.tsx'

/** Who is in the mesh of this peer, what they have, and what was asked. */
export function MeshView(): JSX.Element {
  const { live } = usePage()
  const status = live.status.value
  const mesh = status?.peer.mesh
  return (
    <div class="view scrolls" id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Mesh</h1>
        <span class="soft" role="status">
          {mesh !== undefined && countsText(mesh)}
        </span>
      </div>
      {status === undefined && (
        <div class="card fills">
          <LoadingState />
        </div>
      )}
      {status !== undefined && mesh === undefined && (
        <div class="card fills">
          <EmptyState icon="cluster" title="This peer is not in a mesh">
            Started with <code>--mesh</code>, peers find each other without an index.
          </EmptyState>
        </div>
      )}
      {mesh !== undefined && (
        <>
          <MeshPeers />
          <TrackedFiles />
          <MeshQueries />
        </>
      )}
    </div>
  )
}
