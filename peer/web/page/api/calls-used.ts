/**
 * The calls that the page makes. Only their types come from the table of calls: its schemas would
 * be most of the page. A method or path that differs from the table is a compile error.
 */
import type { CallName, calls } from '../../../api/calls.ts'

type Rows = typeof calls
type RouteOf<Name extends CallName> = {
  readonly method: Rows[Name]['method']
  readonly path: Rows[Name]['path']
} & (Rows[Name] extends { readonly body: unknown } ? { readonly body: true } : unknown) &
  (Rows[Name] extends { readonly page: infer Field } ? { readonly page: Field } : unknown)

export const callsUsed = {
  lookup: { method: 'GET', path: '/api/lookup' },
  search: { method: 'GET', path: '/api/search' },
  folder: { method: 'GET', path: '/api/folders' },
  why: { method: 'GET', path: '/api/why' },
  versions: { method: 'GET', path: '/api/versions' },
  problems: { method: 'GET', path: '/api/problems' },
  peers: { method: 'GET', path: '/api/peers', page: 'peers' },
  status: { method: 'GET', path: '/api/status' },
  resumeReplication: { method: 'POST', path: '/api/replication/resume' },
  drainPeer: { method: 'POST', path: '/api/peers/:peerId/drain' },
  undrainPeer: { method: 'DELETE', path: '/api/peers/:peerId/drain' },
  maintainPeer: { method: 'POST', path: '/api/peers/:peerId/maintenance', body: true },
  endMaintenance: { method: 'DELETE', path: '/api/peers/:peerId/maintenance' },
  forgetPeer: { method: 'DELETE', path: '/api/peers/:peerId' },
  peerSafety: { method: 'GET', path: '/api/peers/:peerId/safety' },
  startDownload: { method: 'POST', path: '/api/downloads', body: true },
  downloads: { method: 'GET', path: '/api/downloads', page: 'downloads' },
  cancelDownload: { method: 'DELETE', path: '/api/downloads/:id' },
  pauseDownload: { method: 'POST', path: '/api/downloads/:id/pause' },
  resumeDownload: { method: 'POST', path: '/api/downloads/:id/resume' },
  unshare: { method: 'DELETE', path: '/api/files/:name' },
  trash: { method: 'GET', path: '/api/trash' },
  emptyTrash: { method: 'POST', path: '/api/trash/empty', body: true },
  restore: { method: 'POST', path: '/api/trash/restore', body: true },
  events: { method: 'GET', path: '/api/events' },
  transfers: { method: 'GET', path: '/api/transfers' },
  history: { method: 'GET', path: '/api/history' },
  queries: { method: 'GET', path: '/api/queries' },
  series: { method: 'GET', path: '/api/series' },
  confirmDeletes: { method: 'POST', path: '/api/deletes/confirm' },
} as const satisfies { readonly [Name in CallName]?: RouteOf<Name> }

export type UsedCall = keyof typeof callsUsed
