import type { BackgroundWork } from '../common/background.ts'
import { reasonOf } from '../common/errors.ts'
import type { RequestOf } from '../common/protocol/messages.ts'
import type { Address } from '../common/protocol/transport.ts'
import type { CatalogChanges } from './announce/catalog-changes.ts'
import type { PeerDependencies } from './join-cluster.ts'
import type { SelfRecord } from './mesh/self-record.ts'
import { reachedHost } from './reached-host.ts'
import type { PeerSettings } from './settings.ts'
import type { Standby } from './standby.ts'

/** How often the free space is looked at. */
const roomEveryMs = 10_000

type Room = RequestOf<'heartbeat'>
type Settings = Pick<PeerSettings, 'advertiseHost' | 'host' | 'peerId' | 'zone'>

/** What is told of a member. */
export interface SelfParts {
  readonly meshed: {
    readonly catalog: CatalogChanges
    readonly standby: Pick<Standby, 'reach'> | undefined
    readonly member:
      | { readonly queries: { readonly programs: { readonly count: number } } }
      | undefined
  }
  readonly share: { room(): Promise<Room> }
  readonly serving: { readonly address: Address }
  /** The decisions of its own index. */
  readonly ownIntent: { readonly state: SelfRecord['intent'] }
  readonly http: { listening(signal: AbortSignal): Promise<NonNullable<SelfRecord['http']>> }
}

/** What this peer says of itself. */
export interface Self {
  readonly record: () => SelfRecord
  /** Calls `tell` when the free space was looked at again. */
  onNews(tell: () => void): void
}

/** @throws the signal's reason, before the HTTP server listens */
export async function selfOf(
  settings: Settings,
  { meshed, share, serving, ownIntent, http: listening }: SelfParts,
  background: BackgroundWork,
  { clock, log }: PeerDependencies,
): Promise<Self> {
  const { peerId, zone } = settings
  const http = await listening.listening(background.signal)
  const room = (): Promise<Room> =>
    share.room().catch((error: unknown) => {
      log.debug({ reason: reasonOf(error) }, 'the free space is unknown')
      return { freeBytes: 0 }
    })
  let known = await room()
  let tell = (): void => {}
  background.start('watch the free space', async (signal) => {
    for (;;) {
      await clock.sleep(roomEveryMs, signal)
      known = await room()
      tell()
    }
  })
  return {
    onNews: (listener) => (tell = listener),
    record() {
      const { epoch, continues, lastSeq } = meshed.catalog
      const { standby, member } = meshed
      const { freeBytes, diskBytes, capacityBytes } = known
      const { state: decided } = ownIntent
      return {
        peerId,
        host: reachedHost(settings),
        port: serving.address.port,
        http,
        epoch,
        lastSeq,
        freeBytes,
        ...(zone !== undefined && { zone }),
        ...(continues !== undefined && { continues }),
        ...(diskBytes !== undefined && { diskBytes }),
        ...(capacityBytes !== undefined && { capacityBytes }),
        ...(decided !== undefined && { intent: decided }),
        ...(standby && { index: standby.reach }),
        ...((member?.queries.programs.count ?? 0) > 0 && { programs: true }),
      }
    },
  }
}
