import type { AskedIndex } from './announce/asked-index.ts'
import { type Health, healthOf } from './health.ts'
import { type HealthParts, healthLooker } from './health-facts.ts'
import { type MetricSources, peerMetrics } from './metrics.ts'
import type { PeerSettings } from './settings.ts'
import type { Share } from './share/share.ts'
import type { Vitals } from './web/web-server.ts'

interface ReadinessParts {
  readonly share: Pick<Share, 'ready'>
  readonly announcer: Pick<AskedIndex, 'hasRegistered'>
}

/** What monitoring sees of a peer. */
export function vitalsOf(
  { peerId }: PeerSettings,
  parts: HealthParts & Omit<MetricSources, 'health'> & ReadinessParts,
): Vitals {
  const lookAtHealth = healthLooker(parts)
  const health = async (): Promise<Health> => healthOf(await lookAtHealth())
  let isScanned = false
  parts.share.ready.then(
    () => (isScanned = true),
    // The peer stops before its first scan has ended.
    () => {},
  )
  const unready = (): string | undefined => {
    if (!isScanned) return 'its first scan has not ended'
    return parts.announcer.hasRegistered ? undefined : 'the index has not accepted it'
  }
  return { peerId, health, unready, metrics: peerMetrics({ ...parts, health }) }
}
