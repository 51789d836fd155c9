/**
 * Finds members on the local network: each announces now and then that it is there. An announcement is
 * only a hint: the receiver joins at the address that it came from, and believes what is said there.
 */
import { isIPv4 } from 'node:net'
import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { isLoopback, isWildcard } from '../../common/hosts.ts'
import type { Log } from '../../common/log.ts'
import {
  type Discovered,
  discoveryGroup,
  parseDatagram,
  toDatagram,
} from '../../common/protocol/discovery-datagram.ts'
import type { Multicast, MulticastChannel } from '../../common/protocol/multicast.ts'
import { type Address, formatAddress } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { Mesh } from './mesh.ts'
import { RequestMeter } from './request-meter.ts'

/** Datagrams get lost, and an interface may be ready a little later. */
const firstDelaysMs: readonly number[] = [1_000, 4_000]
/** As often as Syncthing announces. */
const announceMs = 30_000
/** In a large mesh each announces less often, so that each hears at most this many per second. */
const heardPerSecondMax = 2
/** Answers to new members are at least this far apart. */
const answerMs = 1_000
/** Runs of peers that were answered: 100 bytes each. */
const answeredMax = 1_000
/**
 * Members wait up to so long before they talk to a new one: the first has told most others of it by
 * then.
 */
const meetWithinMs = 2_000
/** Announcements of one host that are looked at. */
const datagrams = { perSecond: 50, burst: 500, keysMax: 1_000 }
/** Addresses that are tried, of all hosts together: made-up senders cost little. */
const attempts = { perSecond: 1, burst: 64, keysMax: 1 }

export interface DiscoveryOptions {
  /** The address that the peer serves others on, and its TCP port. */
  readonly host: string
  readonly port: number
  /** The UDP port of all that may find one another. */
  readonly discoveryPort: number
}

interface Dependencies {
  readonly mesh: Pick<Mesh, 'self' | 'members' | 'isLive' | 'meet'>
  readonly multicast: Multicast
  /** The IPv4 addresses of this machine that others reach. */
  readonly addresses: () => readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Announces this member, and joins those that announce themselves. No failure ends it. */
export class Discovery implements AsyncDisposable {
  readonly #options: DiscoveryOptions
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  readonly #channel: MulticastChannel
  readonly #datagrams: RequestMeter
  readonly #attempts: RequestMeter
  readonly #answer = new WakeUp()
  readonly #meeting = new Set<string>()
  /** The runs of peers that were answered, the oldest first. */
  readonly #answered = new Set<string>()
  #announcedMs = 0
  /** The failure that was logged last; undefined after a success. */
  #failure: string | undefined
  #isIdTaken = false

  static start(options: DiscoveryOptions, dependencies: Dependencies): Discovery {
    const discovery = new Discovery(options, dependencies)
    discovery.#background.start('announcing in the local network', (signal) =>
      discovery.#announceAll(signal),
    )
    return discovery
  }

  private constructor(options: DiscoveryOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#datagrams = new RequestMeter(datagrams, dependencies)
    this.#attempts = new RequestMeter(attempts, dependencies)
    const place = { group: discoveryGroup, port: options.discoveryPort }
    this.#channel = dependencies.multicast(place, (bytes, from) => this.#onDatagram(bytes, from))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
    await this.#channel[Symbol.asyncDispose]()
  }

  async #announceAll(signal: AbortSignal): Promise<void> {
    const { clock, mesh, random } = this.#dependencies
    for (let count = 0; ; count += 1) {
      await this.#announce()
      const rareMs = (mesh.members().length / heardPerSecondMax) * 1_000
      const everyMs = Math.max(announceMs, rareMs) * (0.9 + 0.2 * random.fraction())
      const delayMs = firstDelaysMs[count] ?? everyMs
      await this.#answer.next(signal, { clock, delayMs })
      const restMs = this.#announcedMs + answerMs - clock.monotonicMs()
      if (restMs > 0) await clock.sleep(restMs, signal)
      signal.throwIfAborted()
    }
  }

  /** Never rejects. */
  async #announce(): Promise<void> {
    const { mesh, clock, log } = this.#dependencies
    this.#announcedMs = clock.monotonicMs()
    const { peerId, epoch } = mesh.self
    const { port } = this.#options
    try {
      await this.#channel.send(toDatagram({ peerId, epoch, port }), this.#interfaces)
      this.#failure = undefined
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === this.#failure) return
      this.#failure = reason
      log.warn({ reason }, 'not announced in the local network: peers find this one by --join only')
    }
  }

  /** Others reach this peer through them. A peer on loopback is only found by those of its machine. */
  get #interfaces(): readonly string[] {
    const { host } = this.#options
    if (isIPv4(host) && !isWildcard(host)) return [host]
    const outside = isLoopback(host) ? [] : this.#dependencies.addresses()
    return outside.length === 0 ? ['127.0.0.1'] : outside
  }

  get #isLocal(): boolean {
    return this.#interfaces.every(isLoopback)
  }

  #onDatagram(bytes: Uint8Array, from: string): void {
    // A socket also gets what other sockets of its machine receive.
    if (isLoopback(from) !== this.#isLocal || !this.#datagrams.accepts(from)) return
    const found = parseDatagram(bytes)
    if (found === undefined) return
    const { mesh } = this.#dependencies
    const { peerId, epoch } = mesh.self
    if (found.peerId === peerId) {
      if (found.epoch !== epoch) this.#onIdTaken(found, from)
    } else if (!mesh.isLive(found.peerId, found.epoch)) this.#onNew(found, from)
  }

  #onNew({ peerId, epoch, port }: Discovered, host: string): void {
    const { clock, random, mesh, log } = this.#dependencies
    const address: Address = { host, port }
    const key = formatAddress(address)
    if (this.#meeting.has(key) || !this.#attempts.accepts('')) return
    this.#meeting.add(key)
    this.#background.start('joining a peer of the local network', async (signal) => {
      try {
        await clock.sleep(meetWithinMs * random.fraction(), signal)
        if (mesh.isLive(peerId, epoch)) return
        this.#answerOnce(`${peerId} ${epoch}`)
        await mesh.meet(address, signal)
        log.info({ peerId, address: key }, 'found a peer of the mesh in the local network')
      } catch (error) {
        signal.throwIfAborted()
        if (hasCode(error, 'PEER_ID_TAKEN')) this.#onIdTaken({ peerId: mesh.self.peerId }, host)
        else log.debug({ address: key, reason: reasonOf(error) }, 'announced, but not joined')
      } finally {
        this.#meeting.delete(key)
      }
    })
  }

  /**
   * If this peer does not reach the new one, that one may reach this one. Two that cannot reach each
   * other do not answer for ever.
   */
  #answerOnce(run: string): void {
    if (this.#answered.has(run)) return
    this.#answered.add(run)
    for (const oldest of this.#answered) {
      if (this.#answered.size <= answeredMax) break
      this.#answered.delete(oldest)
    }
    this.#answer.notify()
  }

  #onIdTaken({ peerId }: Pick<Discovered, 'peerId'>, host: string): void {
    if (this.#isIdTaken) return
    this.#isIdTaken = true
    const what =
      'another peer in the local network has the id of this one: give one of them another with --peer'
    this.#dependencies.log.warn({ peerId, host }, what)
  }
}
