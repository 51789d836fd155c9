import type { ClusterSettings } from './cluster-fixture.ts'

/** With these a cluster does in fractions of a second what it otherwise gives people and machines time for. */
export const quickSettings = {
  index: { startGraceMs: 500, settleMs: 100 },
  peer: { quietMs: 100 },
} as const satisfies ClusterSettings
