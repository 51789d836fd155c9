import Type from 'typebox'
import { ByteRateText } from '../common/byte-settings.ts'
import { AppError } from '../common/errors.ts'
import { checkedHost } from '../common/host-setting.ts'
import { hostProblem, reachedHostProblem } from '../common/hosts.ts'
import { insecureSetting, tokenOutSettings } from '../common/identity/identity-settings.ts'
import { deadlines, limits } from '../common/limits.ts'
import {
  defineSettings,
  type LoadedSettings,
  loadSettings,
  type SettingSources,
  type ValuesOf,
} from '../common/settings.ts'

const Host = Type.String({ maxLength: limits.hostBytesMax })
/** 0 takes any free port; the line on stdout tells which. */
const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const millis = (minimum: number) => Type.Integer({ minimum, maximum: 86_400_000 })

export const indexSettings = defineSettings('index', {
  host: {
    schema: Host,
    default: '127.0.0.1',
    flag: '--host',
    doc: 'address to serve peers on; 0.0.0.0 for all',
  },
  port: { schema: Port, default: 7_000, flag: '--port', doc: 'port to serve peers on' },
  advertiseHost: {
    schema: Host,
    default: undefined,
    flag: '--advertise-host',
    doc: 'where peers reach the index, for join tokens (default: --host, or the name of this machine)',
  },
  secure: {
    schema: Type.Boolean(),
    default: false,
    flag: '--secure',
    doc: 'secure the cluster with this index as its authority, unless it is secured already',
  },
  ...tokenOutSettings,
  httpHost: {
    schema: Host,
    default: '127.0.0.1',
    flag: '--http-host',
    doc: 'address of /healthz and /metrics',
  },
  httpPort: {
    schema: Port,
    default: 7_001,
    flag: '--http-port',
    doc: 'port of /healthz and /metrics',
  },
  allowedHosts: {
    schema: Type.String(),
    default: '',
    flag: '--allowed-hosts',
    doc: 'additional host names accepted by /healthz and /metrics, separated by commas',
  },
  insecure: insecureSetting,
  data: {
    schema: Type.String({ minLength: 1 }),
    default: 'data/index',
    flag: '--data',
    doc: 'database folder',
  },
  replicationFactor: {
    schema: Type.Integer({ minimum: 1, maximum: limits.replicationFactorMax }),
    default: 2,
    flag: '--replication-factor',
    doc: 'number of copies to keep of every shared file',
  },
  heartbeatMs: {
    schema: Type.Integer({
      minimum: deadlines.heartbeatMinMs,
      maximum: deadlines.heartbeatMaxMs,
    }),
    default: 10_000,
    flag: '--heartbeat-ms',
    doc: 'interval of peer heartbeats, in ms; after two missed heartbeats a peer is suspect',
  },
  deadAfterMs: {
    schema: millis(100),
    default: 60_000,
    flag: '--dead-after-ms',
    doc: 'silence after which a peer is dead and its files are copied elsewhere, in ms',
  },
  startGraceMs: {
    schema: millis(0),
    default: 3_000,
    flag: '--start-grace-ms',
    doc: 'in a new cluster: delay between the last registration of a peer and the first copies, in ms',
  },
  brakeMs: {
    schema: millis(0),
    default: 600_000,
    flag: '--brake-ms',
    doc: 'how long copying pauses when over a third of the peers are lost together, in ms; 0: no pause',
  },
  settleMs: {
    schema: millis(0),
    default: 1_000,
    flag: '--settle-ms',
    doc: 'how long a file must lack copies before one is made, in ms',
  },
  trimAfterMs: {
    schema: millis(0),
    default: 600_000,
    flag: '--trim-after-ms',
    doc: 'how long a file must have more copies than needed, all on live peers, before one is dropped, in ms',
  },
  reserveBytes: {
    schema: Type.Integer({ minimum: 0, maximum: limits.contentBytesMax }),
    default: 256 * 1_024 * 1_024,
    flag: '--reserve-bytes',
    doc: 'space that a replica must leave free on its peer’s disk, in bytes; at most 5 % of that disk',
  },
  repairBytesPerSecond: {
    schema: ByteRateText,
    default: 'unlimited',
    flag: '--repair-rate',
    doc: 'average rate of all copies that the index requests, in bytes per second, such as 50MB; each peer also has its own limits',
  },
  moveBytesPerSecond: {
    schema: ByteRateText,
    default: '10MB',
    flag: '--move-rate',
    doc: 'average rate of copies that only move, to other zones or less full peers, in bytes per second',
  },
  rebalanceAbove: {
    schema: Type.Integer({ minimum: 0, maximum: 100 }),
    default: 25,
    flag: '--rebalance-above',
    doc: 'difference in fullness, in percent, from which replicas move to less full peers; 0: only on command',
  },
  replacedMs: {
    schema: millis(0),
    default: 3_600_000,
    flag: '--replaced-ms',
    doc: 'how long to keep copies of a replaced version, in ms; longer while the new one lacks copies',
  },
  replacedBytes: {
    schema: Type.Integer({ minimum: 0, maximum: limits.contentBytesMax }),
    default: 10 * 1_024 ** 3,
    flag: '--replaced-bytes',
    doc: 'bytes of replaced versions to keep per file; the oldest are removed first',
  },
  trashMs: {
    schema: Type.Integer({ minimum: 0, maximum: 3_650 * 86_400_000 }),
    default: 30 * 86_400_000,
    flag: '--trash-ms',
    doc: 'how long to keep the copies of a file that its owner deleted, in ms; 0: not at all',
  },
  trashBytes: {
    schema: Type.Integer({ minimum: 0, maximum: limits.contentBytesMax }),
    default: 1_024 ** 4,
    flag: '--trash-bytes',
    doc: 'bytes of deleted files to keep; the earliest deleted are removed first',
  },
  lookupBytes: {
    schema: Type.Integer({ minimum: 0, maximum: 2 ** 33 }),
    default: 96 * 1_024 * 1_024,
    flag: '--lookup-bytes',
    doc: 'memory for answering lookups, in bytes: about 90 per file',
  },
  proofMs: {
    schema: Type.Integer({ minimum: 0, maximum: 365 * 86_400_000 }),
    default: 7 * 86_400_000,
    flag: '--proof-ms',
    doc: 'how often every peer must prove each of its copies, in ms; 0: never',
  },
  commitDelayMs: {
    schema: Type.Integer({ minimum: 0, maximum: 1_000 }),
    default: 2,
    flag: '--commit-delay-ms',
    doc: 'how long an announcement waits to be committed together with others, in ms',
  },
})

type IndexTable = (typeof indexSettings)['table']
export type IndexSettings = ValuesOf<IndexTable>

/** @throws AppError SETTING_INVALID */
export function loadIndexSettings(sources: SettingSources): LoadedSettings<IndexTable> {
  const loaded = loadSettings(indexSettings, sources)
  const { heartbeatMs, deadAfterMs } = loaded.values
  if (deadAfterMs > 2 * heartbeatMs) return { ...loaded, values: withHosts(loaded) }
  // Otherwise peers die between two heartbeats, and all their files are copied.
  const reason = `must be more than two heartbeats, which are ${2 * heartbeatMs} ms`
  const origin = loaded.origins.deadAfterMs
  throw new AppError('SETTING_INVALID', { origin, path: 'index.deadAfterMs', reason })
}

/** @throws AppError SETTING_INVALID */
function withHosts({ values, origins }: LoadedSettings<IndexTable>): IndexSettings {
  const checked = (key: 'host' | 'httpHost'): string =>
    checkedHost({ section: 'index', key, text: values[key], origin: origins[key] }, hostProblem)
  const hosts = { host: checked('host'), httpHost: checked('httpHost') }
  if (values.advertiseHost === undefined) return { ...values, ...hosts }
  const key = 'advertiseHost'
  const text = values.advertiseHost
  const advertised = { section: 'index', key, text, origin: origins[key] } as const
  return { ...values, ...hosts, advertiseHost: checkedHost(advertised, reachedHostProblem) }
}
