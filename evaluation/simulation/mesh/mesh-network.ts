import assert from 'node:assert/strict'
import { type Cancel, type Clock, sleepWith } from '../../../common/clock.ts'
import { AppError, errorFromWire, errorToWire } from '../../../common/errors.ts'
import { parseEnvelope, replyFrame, requestFrame } from '../../../common/protocol/envelope.ts'
import type {
  MemberClaim,
  MemberRecord,
  MeshMessage,
} from '../../../common/protocol/mesh-messages.ts'
import type { ReplyOf, RequestOf } from '../../../common/protocol/messages.ts'
import { type Address, formatAddress } from '../../../common/protocol/transport.ts'
import { parseReply, parseRequest } from '../../../common/protocol/validate.ts'
import type { Random } from '../../../common/random.ts'
import type { MeshHandlers } from '../../../peer/mesh/mesh-handlers.ts'
import type { MeshLink } from '../../../peer/mesh/mesh-link.ts'

/** A process on a host. */
export interface Endpoint {
  readonly peerId: string
  readonly address: Address
  readonly handlers: MeshHandlers
}

/** The bytes that a host has sent and received, frames alone. */
export interface Traffic {
  sentBytes: number
  receivedBytes: number
  messages: number
}

/** What the network does to messages now. */
export interface Weather {
  /** Of each message, one way. */
  readonly delayMs: { readonly min: number; readonly max: number }
  /** The probability that a message is lost. */
  loss: number
  /** Whether a message from one host to another is dropped. */
  isCut: (from: string, to: string) => boolean
}

/** Connections that a host keeps. */
const connectionsMax = 64
/** The frames of a hello and its answer. */
const helloBytes = 105
const welcomeBytes = 85

/** Carries the messages of a mesh in virtual time. Whatever the weather, a request may be lost. */
export class MeshNetwork {
  readonly weather: Weather = {
    delayMs: { min: 1, max: 20 },
    loss: 0,
    isCut: () => false,
  }
  readonly #isLight: boolean
  readonly #clock: Clock
  readonly #random: Random
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #traffic = new Map<string, Traffic>()
  /** The newest records, kept once for all that know them: a large mesh would not fit in memory. */
  readonly #records = new Map<string, MemberRecord>()
  /** The connections of each host, the least recently used first. */
  readonly #connections = new Map<string, Set<string>>()
  /** Bytes by type of message. */
  readonly bytesByType = new Map<string, number>()

  /** @param options `isLight`: changes are handed over as they are, and their bytes estimated; messages take whole milliseconds */
  constructor(options: { isLight: boolean }, dependencies: { clock: Clock; random: Random }) {
    this.#isLight = options.isLight
    this.#clock = dependencies.clock
    this.#random = dependencies.random
  }

  open(endpoint: Endpoint): void {
    this.#endpoints.set(formatAddress(endpoint.address), endpoint)
  }

  close({ address }: Pick<Endpoint, 'address'>): void {
    this.#endpoints.delete(formatAddress(address))
  }

  trafficOf(host: string): Traffic {
    const traffic = this.#traffic.get(host) ?? { sentBytes: 0, receivedBytes: 0, messages: 0 }
    this.#traffic.set(host, traffic)
    return traffic
  }

  /** The link of a process, which sends nothing once `isAlive` says so. */
  linkOf(from: { peerId: string; host: string; isAlive: () => boolean }): MeshLink {
    return {
      request: (to, type, body, signal) => this.#request(from, to, type, body, signal),
    }
  }

  async #request<T extends MeshMessage>(
    from: { peerId: string; host: string; isAlive: () => boolean },
    to: Parameters<MeshLink['request']>[0],
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>> {
    const { host } = to.address
    const frame = requestFrame(1, type, body)
    const bytes = frame.length + this.#dial(from.host, host)
    await this.#carry({ from: from.host, to: host, type, bytes }, signal)
    if (!from.isAlive()) await lostUntil(signal)
    const endpoint = this.#endpoints.get(formatAddress(to.address))
    const address = formatAddress(to.address)
    if (endpoint === undefined || (to.peerId ?? endpoint.peerId) !== endpoint.peerId) {
      await this.#carry({ from: host, to: from.host, type, bytes: 0 }, signal)
      throw new AppError('DIAL_FAILED', { address, reason: 'connection refused' })
    }
    const session = { id: from.peerId, host: from.host }
    let reply: Buffer
    try {
      const handler = endpoint.handlers[type] as (
        request: unknown,
        session: unknown,
        signal: AbortSignal,
      ) => Promise<unknown>
      const request: unknown = this.#sharing(parseRequest(type, bodyOf(frame)))
      const answer = await handler(request, session, signal)
      if (this.#isLight && type === 'mesh-changes') {
        await this.#carry({ from: host, to: from.host, type, bytes: bytesOf(answer) }, signal)
        return answer as ReplyOf<T>
      }
      reply = replyFrame(1, answer)
    } catch (error) {
      await this.#carry({ from: host, to: from.host, type, bytes: 100 }, signal)
      throw errorFromWire(errorToWire(error))
    }
    if (this.#endpoints.get(formatAddress(to.address)) !== endpoint) await lostUntil(signal)
    await this.#carry({ from: host, to: from.host, type, bytes: reply.length }, signal)
    return this.#sharing(parseReply(type, bodyOf(reply), address))
  }

  /** The bytes of hellos, which are exchanged if there is no connection yet. */
  #dial(from: string, to: string): number {
    const connections = this.#connections.get(from) ?? new Set()
    this.#connections.set(from, connections)
    const isNew = !connections.delete(to)
    connections.add(to)
    for (const oldest of connections) {
      if (connections.size <= connectionsMax) break
      connections.delete(oldest)
    }
    if (isNew) this.trafficOf(to).sentBytes += welcomeBytes
    return isNew ? helloBytes : 0
  }

  /** Puts the records that are known already in place of equal ones. */
  #sharing<M extends object>(message: M): M {
    const { news, members } = message as { news?: MemberClaim[]; members?: MemberClaim[] }
    for (const claim of news ?? members ?? []) {
      const { peerId, generation, version } = claim.record
      const known = this.#records.get(peerId)
      if (known?.generation === generation && known.version === version) claim.record = known
      else this.#records.set(peerId, claim.record)
    }
    return message
  }

  /** Resolves when a message arrives; never, if it is lost. @throws the signal's reason */
  async #carry(
    message: { from: string; to: string; type: string; bytes: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { from, to, type, bytes } = message
    const { delayMs, loss, isCut } = this.weather
    const sent = this.trafficOf(from)
    sent.sentBytes += bytes
    sent.messages += 1
    this.bytesByType.set(type, (this.bytesByType.get(type) ?? 0) + bytes)
    if (isCut(from, to) || this.#random.fraction() < loss) await lostUntil(signal)
    const { min, max } = delayMs
    const ms = min + (max - min) * this.#random.fraction()
    await this.#clock.sleep(this.#isLight ? Math.round(ms) : ms, signal)
    this.trafficOf(to).receivedBytes += bytes
  }
}

const knownBytes = new WeakMap<object, number>()

/** The bytes of a page of changes, which many members read. */
function bytesOf(answer: unknown): number {
  const { announcement } = answer as ReplyOf<'mesh-changes'>
  if (announcement === undefined) return estimateOf(answer)
  const bytes = knownBytes.get(announcement) ?? estimateOf(answer)
  knownBytes.set(announcement, bytes)
  return bytes
}

/** Of its first change, as often as there are changes. */
function estimateOf(answer: unknown): number {
  const { announcement } = answer as ReplyOf<'mesh-changes'>
  const [first, ...others] = announcement?.changes ?? []
  const page = { ...announcement, changes: first === undefined ? [] : [first] }
  const changeBytes = JSON.stringify(first ?? '').length + 1
  return (
    replyFrame(1, { ...(answer as object), announcement: page }).length +
    changeBytes * others.length
  )
}

/** What a request or a reply carries. Frames begin with their length. */
function bodyOf(frame: Buffer): unknown {
  const envelope = parseEnvelope(frame.subarray(4))
  assert('body' in envelope)
  return envelope.body
}

async function lostUntil(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  return await promise
}

/** The clock of a process: its timers never fire once it has ended, and its wall clock may be wrong. */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #wall: { offsetMs: number }
  #hasEnded = false

  /** @param wall the wall clock of its machine */
  constructor(clock: Clock, wall: { offsetMs: number }) {
    this.#clock = clock
    this.#wall = wall
  }

  end(): void {
    this.#hasEnded = true
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#wall.offsetMs
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  after(delayMs: number, callback: () => void): Cancel {
    return this.#clock.after(delayMs, () => {
      if (!this.#hasEnded) callback()
    })
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((ms, callback) => this.after(ms, callback), delayMs, signal)
  }
}
