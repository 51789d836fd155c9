import { type Health, healthOf } from './health.ts'
import { type HealthParts, healthLooker } from './health-facts.ts'
import { type MetricSources, peerMetrics } from './metrics.ts'
import type { PeerSettings } from './settings.ts'
import type { Vitals } from './web/web-server.ts'

/** What monitoring sees of a peer. */
export function vitalsOf(
  { peerId }: PeerSettings,
  parts: HealthParts & Omit<MetricSources, 'health'>,
): Vitals {
  const lookAtHealth = healthLooker(parts)
  const health = async (): Promise<Health> => healthOf(await lookAtHealth())
  return { peerId, health, metrics: peerMetrics({ ...parts, health }) }
}
