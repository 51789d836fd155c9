import type { ClusterSettings } from './cluster-fixture.ts'

/** Shortens the delays that a cluster normally grants to people and machines. */
export const quickSettings = {
  index: { startGraceMs: 500, settleMs: 100 },
  peer: { quietMs: 100 },
} as const satisfies ClusterSettings
