/**
 * Several hosts on one Linux machine: network namespaces, each with its own address and link to one
 * switch, which is a namespace, too; a second switch has those on the other side of a partition. The machine's own network is not touched.
 */
import type { ProcessHost } from '../system/process-host.ts'
import { howToInstall, missingPrograms, pathOf } from './anchor-programs.ts'
import { NetworkNamespace } from './network-namespace.ts'

const subnet = { prefix: '10.77.0', bits: 24 } as const
const hostsMax = 250
const bridge = 'bridge'
const otherBridge = 'bridge2'
const device = 'eth0'
/** Burst size of a link, 1 ms at 1 Gbit/s, and the maximum queueing delay. */
const shape = 'burst 128kb latency 100ms'

export interface NetworkLabOptions {
  readonly hosts: number
  /** Speed of each link in either direction; unlimited by default. */
  readonly megabitsPerSecond?: number
}

/** Disposing ends the network, once the processes on its hosts have ended. */
export interface NetworkLab extends AsyncDisposable {
  readonly hosts: readonly LabHost[]
}

export interface LabHost extends ProcessHost {
  /** Bytes sent over its link, including packet headers. */
  sentBytes(): Promise<number>
  /** Changes the speed of its link in either direction; undefined is unlimited. */
  setRate(megabitsPerSecond: number | undefined): Promise<void>
  /** Unplugs it: packets vanish silently. */
  cut(): Promise<void>
  /** Plugs it into a second switch: it reaches, and is reached by, only the others that are there. */
  partition(): Promise<void>
  /** Plugs it into the first switch again. */
  heal(): Promise<void>
}

/** Why this process cannot create a network lab; undefined if it can. */
export async function whyNoNetworkLab(): Promise<string | undefined> {
  const missing = await missingPrograms(['ip', 'tc', 'unshare', 'nsenter'])
  if (missing.length > 0) return howToInstall(missing)
  return process.getuid?.() === 0 ? undefined : 'network namespaces need root'
}

/** @throws if {@link whyNoNetworkLab} gives a reason */
export async function startNetworkLab({
  hosts: count,
  megabitsPerSecond,
}: NetworkLabOptions): Promise<NetworkLab> {
  if (count > hostsMax) throw new RangeError(`a network lab has at most ${hostsMax} hosts`)
  await using starting = new AsyncDisposableStack()
  const network = starting.use(await NetworkNamespace.create())
  for (const each of [bridge, otherBridge]) {
    await ip(network, `link add ${each} type bridge`)
    await ip(network, `link set ${each} up`)
  }
  const hosts: LabHost[] = []
  for (let number = 1; number <= count; number++) {
    const own = starting.use(await NetworkNamespace.create())
    const host = await plugIn(own, network, number)
    await host.setRate(megabitsPerSecond)
    hosts.push(host)
  }
  const started = starting.move()
  return { hosts, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/**
 * Connects `own` to the switch: `device` is the host's end, the port with that number the switch's.
 */
async function plugIn(
  own: NetworkNamespace,
  network: NetworkNamespace,
  number: number,
): Promise<LabHost> {
  const address = `${subnet.prefix}.${number}`
  const port = `port${number}`
  await ip(network, `link add ${port} type veth peer name ${device} netns ${own.pid}`)
  await ip(network, `link set ${port} master ${bridge} up`)
  await ip(own, 'link set lo up')
  await ip(own, `address add ${address}/${subnet.bits} dev ${device}`)
  await ip(own, `link set ${device} up`)
  return {
    address,
    prefix: own.prefix,
    openDoor: (port) => own.openDoor(port),
    sentBytes: () => sentBytes(own),
    setRate: async (megabitsPerSecond) => {
      await limitSending(own, device, megabitsPerSecond)
      await limitSending(network, port, megabitsPerSecond)
    },
    cut: () => ip(network, `link set ${port} nomaster`),
    partition: () => ip(network, `link set ${port} master ${otherBridge}`),
    heal: () => ip(network, `link set ${port} master ${bridge}`),
  }
}

async function sentBytes(own: NetworkNamespace): Promise<number> {
  const words = ['-json', '-statistics', 'link', 'show', device]
  const [link] = JSON.parse(await own.run(pathOf('ip'), ...words)) as [LinkStatistics]
  return link.stats64.tx.bytes
}

/** As reported by `ip`. */
interface LinkStatistics {
  readonly stats64: { readonly tx: { readonly bytes: number } }
}

async function limitSending(
  where: NetworkNamespace,
  device: string,
  megabitsPerSecond: number | undefined,
): Promise<void> {
  const how =
    megabitsPerSecond === undefined ? 'noqueue' : `tbf rate ${megabitsPerSecond}mbit ${shape}`
  await where.run(pathOf('tc'), ...`qdisc replace dev ${device} root ${how}`.split(' '))
}

async function ip(where: NetworkNamespace, words: string): Promise<void> {
  await where.run(pathOf('ip'), ...words.split(' '))
}
