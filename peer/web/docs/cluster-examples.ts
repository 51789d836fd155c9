/** Examples of the calls about peers, copies and limits. */
import { type CallExamples, host, name, owner, size, source, timeMs } from './example.ts'

type ClusterCall =
  | 'peers'
  | 'status'
  | 'limits'
  | 'changeLimits'
  | 'drainPeer'
  | 'undrainPeer'
  | 'maintainPeer'
  | 'endMaintenance'
  | 'forgetPeer'
  | 'peerSafety'
  | 'resumeReplication'
  | 'replicationRules'
  | 'replicationOf'
  | 'setReplication'
  | 'unsetReplication'
  | 'rebalance'
  | 'startRebalance'
  | 'stopRebalance'

const peerId = 'peer3'
const pattern = 'photos/**'
const safety = {
  peerId,
  held: { files: 120, bytes: 48_000_000 },
  alone: { files: 0, bytes: 0, names: [] },
  lacking: { files: 1, bytes: size, names: [name] },
}
const idle = {
  state: 'idle',
  movedContents: 0,
  movedBytes: 0,
  leftBytes: 0,
  bytesPerSecond: 10_000_000,
} as const
const plan = {
  flows: [{ from: owner, to: peerId, contents: 120, bytes: 4_000_000_000 }],
  contents: 120,
  bytes: 4_000_000_000,
  isPartial: false,
}
const byDefault = { from: 'setting', origin: 'default' } as const
const unlimited = { value: 'unlimited', ...byDefault } as const
const limits = {
  uploadBytesPerSecond: unlimited,
  downloadBytesPerSecond: unlimited,
  replicationUploadBytesPerSecond: unlimited,
  replicationDownloadBytesPerSecond: unlimited,
  scrubBytesPerSecond: { value: 50_000_000, ...byDefault },
  capacityBytes: unlimited,
  connections: { value: 256, ...byDefault },
  downloadsAtOnce: { value: 4, ...byDefault },
}

export const clusterExamples: CallExamples<ClusterCall> = {
  peers: {
    request: { limit: 1 },
    reply: {
      peers: [
        {
          ...source,
          http: { host, port: 8_100 },
          zone: 'rack-1',
          state: 'live',
          copies: 1_204,
          bytes: 1_410_334_720,
          replicaBytes: 0,
          freeBytes: 64_000_000_000,
          silentMs: 1_200,
        },
      ],
      next: owner,
    },
  },
  status: {
    reply: {
      peers: { live: 2, suspect: 0, dead: 1 },
      contents: 1_204,
      atFactor: 1_203,
      belowFactor: 1,
      tasks: { waiting: 0, running: 1 },
      peer: {
        peerId: owner,
        problems: 0,
        keptFolders: [],
        capacity: { bytes: 100_000_000_000, usedBytes: 1_410_334_720 },
        view: { scannedMsAgo: 12_000, ignored: 3, scanEveryMs: 30_000 },
      },
    },
  },
  limits: { reply: { limits } },
  changeLimits: {
    request: { uploadBytesPerSecond: 5_000_000, connections: null },
    reply: { limits: { ...limits, uploadBytesPerSecond: { value: 5_000_000, from: 'hand' } } },
  },
  drainPeer: { request: { peerId }, reply: safety },
  undrainPeer: { request: { peerId }, reply: { peerId, wasDrained: true } },
  maintainPeer: { request: { peerId, forMs: 1_800_000 }, reply: safety },
  endMaintenance: { request: { peerId }, reply: { peerId, wasInMaintenance: true } },
  forgetPeer: { request: { peerId, force: false }, reply: undefined },
  peerSafety: { request: { peerId }, reply: safety },
  resumeReplication: { reply: { released: true } },
  replicationRules: {
    reply: { byDefault: 2, rules: [{ pattern, factor: 3, changedMs: timeMs }] },
  },
  replicationOf: {
    request: { name },
    reply: { factor: 3, rule: { pattern, factor: 3, changedMs: timeMs } },
  },
  setReplication: { request: { pattern, factor: 3 }, reply: { peers: 4 } },
  unsetReplication: { request: { pattern }, reply: undefined },
  rebalance: { request: { plan: true }, reply: { ...idle, plan } },
  startRebalance: { reply: { ...idle, state: 'running', cause: 'command', plan } },
  stopRebalance: { reply: { ...idle, state: 'stopped' } },
}
