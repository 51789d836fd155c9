import { hostname } from 'node:os'
import { resolve } from 'node:path'
import Type from 'typebox'
import { AppError } from '../common/errors.ts'
import { checkedHost, type HostCheck } from '../common/host-setting.ts'
import { hostProblem, reachedHostProblem } from '../common/hosts.ts'
import { hostNamesOf } from '../common/http-host.ts'
import { insecureSetting, tokenOutSettings } from '../common/identity/identity-settings.ts'
import { isJoinToken, type JoinToken, parseJoinToken } from '../common/identity/join-token.ts'
import { parsePeerId, peerIdPattern } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { discoveryPort } from '../common/protocol/discovery-datagram.ts'
import { type Address, parseAddress } from '../common/protocol/transport.ts'
import {
  defineSettings,
  type LoadedSettings,
  loadSettings,
  type SettingSources,
  type ValuesOf,
} from '../common/settings.ts'
import { folderPeerId } from './folder-id.ts'

const Host = Type.String({ maxLength: limits.hostBytesMax })
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const Millis = Type.Integer({ minimum: 0, maximum: 86_400_000 })

/** Peer n serves on the n-th port from `port`, and its HTTP API is on the n-th from `httpPort`. */
const firstPorts = { port: 7_100, httpPort: 8_100 } as const
/** Whether a peer of an index takes part in a mesh, too, where no setting says it. */
const meshBesideIndex = false
/** The setting of the index for a peer that has none. */
const noIndex = 'none'
/** Above it, ports of peers would collide with those of HTTP APIs. */
const numberMax = firstPorts.httpPort - firstPorts.port

export const peerSettings = defineSettings('peer', {
  id: {
    schema: Type.String({ pattern: peerIdPattern }),
    default: 'peer1',
    flag: '--peer',
    doc: 'id of this peer; it cannot be changed later',
  },
  idFromHost: {
    schema: Type.Boolean(),
    default: false,
    flag: '--id-from-host',
    doc: 'without an id, a new data folder gets peer-HOSTNAME instead of peer1; an existing folder keeps its id',
  },
  adopt: {
    schema: Type.Boolean(),
    default: false,
    flag: '--adopt',
    doc: 'take over the data folder of a peer with another id',
  },
  headless: {
    schema: Type.Boolean(),
    default: false,
    flag: '--headless',
    doc: 'run without a prompt, as a service',
  },
  index: {
    schema: Type.String({ minLength: 3 }),
    default: '127.0.0.1:7000',
    flag: '--index',
    doc: 'HOST:PORT of the index, or none; with --mesh the default is none',
  },
  mesh: {
    schema: Type.Boolean(),
    default: undefined,
    flag: '--mesh',
    doc: 'take part in a mesh, whose peers find one another and need no index, or work without it while it is away',
  },
  join: {
    schema: Type.String(),
    default: '',
    flag: '--join',
    doc: 'a join token of a secured cluster, or HOST:PORT of peers of the mesh to join, separated by commas; they are tried in turn until one answers',
  },
  joinFile: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--join-file',
    doc: 'file with a join token; the peer waits until it exists',
  },
  secure: {
    schema: Type.Boolean(),
    default: false,
    flag: '--secure',
    doc: 'as the first peer of a mesh: secure the cluster with this peer as its authority, unless it is secured already',
  },
  ...tokenOutSettings,
  discoveryPort: {
    schema: Type.Integer({ minimum: 0, maximum: 65_535 }),
    default: discoveryPort,
    flag: '--discovery-port',
    doc: 'without --join, peers of a mesh with the same UDP port find one another in the local network; 0: off',
  },
  gossipMs: {
    schema: Type.Integer({ minimum: 50, maximum: 60_000 }),
    default: 1_000,
    flag: '--gossip-ms',
    doc: 'interval at which a peer of a mesh gossips with some others, in ms',
  },
  gossipPeers: {
    schema: Type.Integer({ minimum: 1, maximum: 16 }),
    default: 3,
    flag: '--gossip-peers',
    doc: 'number of peers of the mesh that it gossips with each time',
  },
  catalogBytesMax: {
    schema: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    default: 4_294_967_296,
    flag: '--catalog-bytes-max',
    doc: 'bytes that a peer of a mesh stores of the catalogs of others, about 400 per file; beyond that, it asks them',
  },
  host: {
    schema: Host,
    default: '127.0.0.1',
    flag: '--host',
    doc: 'address to serve other peers on; 0.0.0.0 for all',
  },
  port: {
    schema: Port,
    default: undefined,
    flag: '--port',
    doc: `port to serve other peers on (default: ${firstPorts.port} for peer1, one more for peer2, ...)`,
  },
  advertiseHost: {
    schema: Host,
    default: undefined,
    flag: '--advertise-host',
    doc: 'where others reach this peer (default: the address that the index sees)',
  },
  httpHost: {
    schema: Host,
    default: '127.0.0.1',
    flag: '--http-host',
    doc: 'address of the HTTP API; outside loopback every caller needs the token',
  },
  httpPort: {
    schema: Port,
    default: undefined,
    flag: '--http-port',
    doc: `port of the HTTP API (default: ${firstPorts.httpPort} for peer1, one more for peer2, ...)`,
  },
  allowedHosts: {
    schema: Type.String(),
    default: '',
    flag: '--allowed-hosts',
    doc: 'additional host names accepted by the HTTP API, separated by commas',
  },
  insecure: insecureSetting,
  requireToken: {
    schema: Type.Boolean(),
    default: false,
    flag: '--require-token',
    doc: 'require the token on loopback as well, for example behind a proxy; elsewhere it is always required',
  },
  tokenFile: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--token-file',
    doc: 'file with the token of the HTTP API, which peers may share (default: .tandem/token in the data folder)',
  },
  data: {
    schema: Type.String({ minLength: 1 }),
    default: undefined,
    flag: '--data',
    doc: 'folder for all data of this peer (default: data/<peer>)',
  },
  zone: {
    schema: Type.String({ minLength: 1, maxLength: limits.hostBytesMax }),
    default: undefined,
    flag: '--zone',
    doc: 'failure domain of this peer, such as its rack; copies are kept in different zones',
  },
  autoFetch: {
    schema: Type.Integer({ minimum: 0, maximum: limits.autoFetchMax }),
    default: 0,
    flag: '--auto-fetch',
    doc: 'number of missing files to fetch in the background after joining, counted over all starts',
  },
  generate: {
    schema: Type.Boolean(),
    default: false,
    flag: '--generate',
    doc: 'fill an empty shared/ with generated files',
  },
  rescanMs: {
    // Scans without a pause would keep a disk and a core busy for nothing.
    schema: Type.Integer({ minimum: 1_000, maximum: 86_400_000 }),
    default: 30_000,
    flag: '--rescan-ms',
    doc: 'minimum time between two scans of the folders, in ms; longer if scans are expensive',
  },
  scrubDays: {
    schema: Type.Integer({ minimum: 0, maximum: 3_650 }),
    default: 30,
    flag: '--scrub-days',
    doc: 'days for one check of all copies, which finds damaged ones; 0: only on command',
  },
  quietMs: {
    schema: Millis,
    default: 1_000,
    flag: '--quiet-ms',
    doc: 'how long a file must be unchanged before it is shared, in ms; 3 to 10 times as long if it is written repeatedly',
  },
})

type PeerTable = (typeof peerSettings)['table']

/** The defaults that are derived from the peer's id. */
type Derived = {
  readonly port: number
  readonly httpPort: number
  readonly data: string
}

export type LoadedPeerSettings = LoadedSettings<PeerTable> & { readonly values: Derived }

/** The settings for entering a secured cluster. */
type EnteringKey = 'joinFile' | 'secure' | 'tokenOut' | 'adminTokenOut'

/** The settings that a peer starts with. */
export interface StartSettings extends PeerSettings, Pick<ValuesOf<PeerTable>, EnteringKey> {
  /** For joining a secured cluster. */
  readonly joinToken: JoinToken | undefined
  /** Whether the index is set, not the default. */
  readonly isIndexGiven: boolean
}

/** The settings that the peer runs with. */
export type PeerSettings = Omit<
  ValuesOf<PeerTable>,
  | 'id'
  | 'idFromHost'
  | 'index'
  | 'allowedHosts'
  | 'join'
  | 'mesh'
  | 'insecure'
  | EnteringKey
  | keyof Derived
> &
  Derived & {
    readonly mesh: boolean
    readonly peerId: string
    /** Undefined in a mesh without an index. */
    readonly index: Address | undefined
    /** Peers of the mesh to join. */
    readonly join: readonly Address[]
    readonly allowedHosts: readonly string[]
  }

/** What the id of a peer may follow from, besides the settings. */
export interface IdSources {
  /** The id of the peer that a data folder belongs to. */
  readonly folderPeerId: (dataPath: string) => string | undefined
  readonly hostName: () => string
}

/** @throws AppError SETTING_INVALID, PEER_ID_INVALID, DISK_FAILED */
export function loadPeerSettings(
  sources: SettingSources,
  idSources: IdSources = { folderPeerId, hostName: hostname },
): LoadedPeerSettings {
  const { values, origins } = loadSettings(peerSettings, sources)
  const isGiven = origins.id !== 'default'
  const id = parsePeerId(isGiven ? values.id : defaultId(values, idSources))
  const port = (key: keyof typeof firstPorts, flag: string): number => {
    const found = values[key] ?? defaultPort(id, key)
    if (found !== undefined) return found
    const reason = `must be given with ${flag}, because '${id}' does not end in a number from 1 to ${numberMax}`
    throw new AppError('SETTING_INVALID', { origin: origins.id, path: `peer.${key}`, reason })
  }
  const derived = {
    port: port('port', '--port'),
    httpPort: port('httpPort', '--http-port'),
    data: values.data ?? `data/${id}`,
  }
  return { values: { ...values, id, ...derived }, origins }
}

/** A data folder keeps the peer that it belongs to, also in another process or container. */
function defaultId(
  { id, data, idFromHost }: Pick<ValuesOf<PeerTable>, 'id' | 'data' | 'idFromHost'>,
  idSources: IdSources,
): string {
  const known = data === undefined ? undefined : idSources.folderPeerId(resolve(data))
  return known ?? (idFromHost ? `peer-${idSources.hostName()}` : id)
}

/** The address of the index. @throws AppError SETTING_INVALID */
export function indexAddress({ values, origins }: LoadedSettings<PeerTable>): Address {
  const address = parseAddress(values.index)
  if (address !== undefined && hostProblem(address.host) === undefined) return address
  const reason =
    values.index === noIndex
      ? 'is none, which only --mesh allows'
      : `must be HOST:PORT, not '${values.index}'`
  throw new AppError('SETTING_INVALID', { origin: origins.index, path: 'peer.index', reason })
}

/** The index that the peer registers at, if any. @throws AppError SETTING_INVALID */
function registeredAt(
  loaded: LoadedSettings<PeerTable>,
  token: JoinToken | undefined,
): Address | undefined {
  const { values, origins } = loaded
  const isGiven = origins.index !== 'default'
  if (values.mesh === true)
    return isGiven && values.index !== noIndex ? indexAddress(loaded) : undefined
  // An index lets peers join.
  return isGiven || token === undefined ? indexAddress(loaded) : token.address
}

interface JoinTargets {
  readonly join: readonly Address[]
  readonly joinToken: JoinToken | undefined
}

/** The token to join with, and the peers of a mesh. @throws AppError SETTING_INVALID */
function joinTargets({ values, origins }: LoadedSettings<PeerTable>): JoinTargets {
  const parts = values.join.split(',').map((part) => part.trim())
  let joinToken: JoinToken | undefined
  const addresses = parts
    .filter((part) => part !== '')
    .map((part) => {
      const token = parseJoinToken(part)
      joinToken ??= token
      const address = token?.address ?? parseAddress(part)
      if (address !== undefined && reachedHostProblem(address.host) === undefined) return address
      const reason = isJoinToken(part)
        ? 'is not a whole join token: one looks like tandem-1-…@HOST:PORT'
        : `must be HOST:PORT or a join token, not '${part}'`
      throw new AppError('SETTING_INVALID', { origin: origins.join, path: 'peer.join', reason })
    })
  return { join: addresses, joinToken }
}

/** The hosts in the setting, without brackets. @throws AppError SETTING_INVALID */
function hostsOf({ values, origins }: LoadedSettings<PeerTable>) {
  const checked = (key: 'host' | 'httpHost' | 'advertiseHost', problemOf: HostCheck): string =>
    checkedHost({ section: 'peer', key, text: values[key] ?? '', origin: origins[key] }, problemOf)
  return {
    host: checked('host', hostProblem),
    httpHost: checked('httpHost', hostProblem),
    advertiseHost:
      values.advertiseHost === undefined ? undefined : checked('advertiseHost', reachedHostProblem),
  }
}

/** @throws AppError SETTING_INVALID */
export function toPeerSettings(loaded: LoadedPeerSettings): StartSettings {
  const { values } = loaded
  const { id, idFromHost: _, insecure: __, allowedHosts, join: ___, ...rest } = values
  const targets = joinTargets(loaded)
  const others = { ...rest, ...hostsOf(loaded), mesh: values.mesh ?? meshBesideIndex }
  return {
    ...others,
    peerId: id,
    index: registeredAt(loaded, targets.joinToken),
    isIndexGiven: loaded.origins.index !== 'default',
    ...targets,
    allowedHosts: hostNamesOf(allowedHosts),
  }
}

/** The port of a peer whose id ends in a number, such as peer3; undefined for others. */
export function defaultPort(peerId: string, key: keyof typeof firstPorts): number | undefined {
  const number = Number(/\d{1,6}$/.exec(peerId)?.[0])
  return number >= 1 && number <= numberMax ? firstPorts[key] + number - 1 : undefined
}
