import Type from 'typebox'
import { AppError } from '../common/errors.ts'
import { checkedHost } from '../common/host-setting.ts'
import { hostProblem } from '../common/hosts.ts'
import { deadlines, limits } from '../common/limits.ts'
import {
  defineSettings,
  type LoadedSettings,
  loadSettings,
  type SettingSources,
  type ValuesOf,
} from '../common/settings.ts'

const Host = Type.String({ maxLength: limits.hostBytesMax })
/** 0 takes any free port, which the line on stdout then tells. */
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
    doc: 'further names under which /healthz and /metrics may be called, separated by commas',
  },
  data: {
    schema: Type.String({ minLength: 1 }),
    default: 'data/index',
    flag: '--data',
    doc: 'folder of the database',
  },
  replicationFactor: {
    schema: Type.Integer({ minimum: 1, maximum: 16 }),
    default: 2,
    flag: '--replication-factor',
    doc: 'copies that every shared file is kept at',
  },
  heartbeatMs: {
    schema: Type.Integer({
      minimum: deadlines.heartbeatMinMs,
      maximum: deadlines.heartbeatMaxMs,
    }),
    default: 10_000,
    flag: '--heartbeat-ms',
    doc: 'how often peers say that they are alive; two missed ones make a peer suspect, in ms',
  },
  deadAfterMs: {
    schema: millis(100),
    default: 60_000,
    flag: '--dead-after-ms',
    doc: 'a peer that is silent for so long is dead, and its files are copied elsewhere, in ms',
  },
  startGraceMs: {
    schema: millis(0),
    default: 3_000,
    flag: '--start-grace-ms',
    doc: 'time that peers have to come back after a start before anything is copied, in ms',
  },
  settleMs: {
    schema: millis(0),
    default: 1_000,
    flag: '--settle-ms',
    doc: 'a file must lack copies for so long before one is made, in ms',
  },
  reserveBytes: {
    schema: Type.Integer({ minimum: 0, maximum: limits.contentBytesMax }),
    default: 256 * 1_024 * 1_024,
    flag: '--reserve-bytes',
    doc: 'room that a copy must leave on the disk of the peer that takes it; at most 5 % of the disk',
  },
  replacedMs: {
    schema: millis(0),
    default: 3_600_000,
    flag: '--replaced-ms',
    doc: 'how long copies of a replaced version stay, and longer while the new one lacks copies, in ms',
  },
  replacedBytes: {
    schema: Type.Integer({ minimum: 0, maximum: limits.contentBytesMax }),
    default: 10 * 1_024 ** 3,
    flag: '--replaced-bytes',
    doc: 'bytes of replaced versions that are kept of one file; beyond that the oldest go first',
  },
  commitDelayMs: {
    schema: Type.Integer({ minimum: 0, maximum: 1_000 }),
    default: 2,
    flag: '--commit-delay-ms',
    doc: 'how long an announcement waits for others to be committed with, in ms',
  },
})

type IndexTable = (typeof indexSettings)['table']
export type IndexSettings = ValuesOf<IndexTable>

/** @throws AppError SETTING_INVALID */
export function loadIndexSettings(sources: SettingSources): LoadedSettings<IndexTable> {
  const loaded = loadSettings(indexSettings, sources)
  const { heartbeatMs, deadAfterMs } = loaded.values
  if (deadAfterMs > 2 * heartbeatMs) return { ...loaded, values: withHosts(loaded) }
  // Peers would die between two heartbeats, and everything they have would be copied.
  const reason = `must be more than two heartbeats, which are ${2 * heartbeatMs} ms`
  const origin = loaded.origins.deadAfterMs
  throw new AppError('SETTING_INVALID', { origin, path: 'index.deadAfterMs', reason })
}

/** @throws AppError SETTING_INVALID */
function withHosts({ values, origins }: LoadedSettings<IndexTable>): IndexSettings {
  const checked = (key: 'host' | 'httpHost'): string =>
    checkedHost({ section: 'index', key, text: values[key], origin: origins[key] }, hostProblem)
  return { ...values, host: checked('host'), httpHost: checked('httpHost') }
}
