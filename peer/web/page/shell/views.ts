/** The views, in the order of the navigation. */
import type { FunctionComponent } from 'preact'
import { ActivityView } from '../activity/activity-view.tsx'
import { ClusterBadge } from '../cluster/cluster-badge.tsx'
import { ClusterView } from '../cluster/cluster-view.tsx'
import { FilesView } from '../files/files-view.tsx'
import type { Live } from '../live/live.ts'
import { MeshView } from '../mesh/mesh-view.tsx'
import type { IconName } from '../parts/icon.tsx'
import { ShareBadge } from '../share/share-badge.tsx'
import { ShareView } from '../share/share-view.tsx'

export interface View {
  /** Its name in the address. */
  readonly name: string
  readonly label: string
  readonly icon: IconName
  readonly component: FunctionComponent
  /** Whether there is a link to it; default: always. */
  readonly isShown?: (live: Pick<Live, 'status'>) => boolean
  /** A count beside the label, if any. */
  readonly badge?: FunctionComponent
}

export const views: readonly View[] = [
  { name: 'files', label: 'Files', icon: 'files', component: FilesView },
  { name: 'share', label: 'Share', icon: 'share', component: ShareView, badge: ShareBadge },
  {
    name: 'cluster',
    label: 'Cluster',
    icon: 'cluster',
    component: ClusterView,
    badge: ClusterBadge,
  },
  {
    name: 'mesh',
    label: 'Mesh',
    icon: 'mesh',
    component: MeshView,
    isShown: ({ status }) => status.value?.peer.mesh !== undefined,
  },
  { name: 'activity', label: 'Activity', icon: 'activity', component: ActivityView },
]
