import { createHash } from 'node:crypto'
import { chunkRange } from '../../common/content/chunks.ts'
import type { TestContent } from '../../common/testing/contents.ts'
import { listenRaw, type RawAnswer, RawConnection, type RawReply } from './raw-connection.ts'

type Body = Readonly<Record<string, unknown>>

/** A registered peer that can announce and serve anything. */
export interface HostilePeer extends AsyncDisposable {
  /** The port that it serves on. */
  readonly port: number
  /** Announces one change; returns the index's reply. */
  announce(change: Body): Promise<RawReply>
  /** Sends a request to the index. */
  request(type: string, body: Body): Promise<RawReply>
}

/** Answers like a peer that has this content, under any requested hash. */
export function serving(peerId: string, { bytes, chunkList, content }: TestContent): RawAnswer {
  const { size, chunkRoot } = content
  return (type, body) => {
    switch (type) {
      case 'hello':
        return { body: { protocol: 'tandem/1', role: 'peer', peerId } }
      case 'chunks':
        return { body: { size, count: chunkList.length / 32 } }
      case 'chunk-list':
        return { body: { size, chunkRoot }, bulk: chunkList }
      case 'read': {
        const range = chunkRange(size, Number(body['chunk']))
        return { body: {}, bulk: bytes.subarray(range.start, range.start + range.bytes) }
      }
      case 'read-many': {
        const asked = body['sha256s'] as string[]
        return {
          body: { contents: asked.map(() => ({ size })) },
          bulk: Buffer.concat(asked.map(() => bytes)),
        }
      }
      default:
        return undefined
    }
  }
}

/** Answers an index like a peer that has this content, under any requested hash. */
export function claiming({ bytes, chunkList, content: { size } }: TestContent): RawAnswer {
  const chunkOf = (chunk: unknown): Buffer => {
    const range = chunkRange(size, Number(chunk))
    return bytes.subarray(range.start, range.start + range.bytes)
  }
  return (type, body) => {
    switch (type) {
      case 'prove': {
        const nonce = Buffer.from(String(body['nonce']), 'hex')
        const hash = createHash('sha256').update(nonce).update(chunkOf(body['chunk']))
        return { body: { proof: hash.digest('hex') } }
      }
      case 'show-chunk':
        return { body: {}, bulk: Buffer.concat([chunkList, chunkOf(body['chunk'])]) }
      default:
        return { body: {} }
    }
  }
}

/**
 * Registers a hostile peer, which serves `content`, at the index that listens on `indexPort`.
 * @param answer to requests of the index; by default none
 */
export async function startHostilePeer(
  { peerId, indexPort }: { peerId: string; indexPort: number },
  content: TestContent,
  answer?: RawAnswer,
): Promise<HostilePeer> {
  await using starting = new AsyncDisposableStack()
  const server = starting.use(await listenRaw(serving(peerId, content)))
  const connection = starting.use(await RawConnection.dial(indexPort, answer))
  const epoch = '0123456789abcdef'
  const registration = { epoch, port: server.port, freeBytes: 0 }
  const hello = { protocol: 'tandem/1', role: 'peer', peerId, registration }
  const { error } = await connection.request('hello', hello)
  if (error !== undefined) throw new Error(`the index answers hello with ${error.code}`)
  let seen = 0
  const announce = async (changes: readonly Body[], more: Body = {}): Promise<RawReply> => {
    const lastSeq = seen + 1
    const announcement = { epoch, previousSeq: seen, lastSeq, changes, ...more }
    const reply = await connection.request('announce', announcement)
    if (reply.error === undefined) seen = lastSeq
    return reply
  }
  await announce([], { begin: true, end: true })
  const stack = starting.move()
  return {
    port: server.port,
    request: (type, body) => connection.request(type, body),
    announce: (change) => announce([{ seq: seen + 1, ...change }]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
