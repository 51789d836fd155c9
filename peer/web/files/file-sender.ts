import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ByteRange } from '../../../common/content/chunks.ts'
import { AppError } from '../../../common/errors.ts'
import { hostKeyOf } from '../../../common/protocol/host-share.ts'
import { clientSignal } from '../routes.ts'
import { conditionOf, rangeOf } from './conditions.ts'
import { crossOrigin, etagOf, fileHeaders, linkHeader, validators } from './file-headers.ts'
import type { FileSources } from './file-sources.ts'
import { filePath, mirrorsOf } from './mirrors.ts'
import { Permits } from './permits.ts'
import { ReplyBody } from './reply-body.ts'
import type { WantedFile } from './wanted-file.ts'

/** Local files sent at the same time: each holds a few chunks in memory. */
const localSendsMax = 64
/** The same of files of other peers, each of which fills a window of chunks. */
const relayedSendsMax = 8

interface SendOptions {
  /** Whether the URL names the content, and so never has another one. */
  readonly isByHash: boolean
  /** Whether the client may be sent to another peer. */
  readonly mayRedirect: boolean
  /** If it is not that of the content. */
  readonly etag?: string
}

/** Answers requests for the bytes of a file, at every door. */
export class FileSender {
  readonly #sources: FileSources
  readonly #local = new Permits(localSendsMax)
  readonly #relayed = new Permits(relayedSendsMax)

  constructor(sources: FileSources) {
    this.#sources = sources
  }

  /** A permit for reading a file from other peers. @throws AppError BUSY */
  takeRelay(host: string): Disposable {
    return this.#relayed.take(host)
  }

  /** @throws AppError PRECONDITION_FAILED, RANGE_UNSATISFIABLE, BUSY, and errors of the sources */
  async send(
    file: WantedFile,
    request: FastifyRequest,
    reply: FastifyReply,
    { isByHash, mayRedirect, etag = etagOf(file.sha256) }: SendOptions,
  ): Promise<FastifyReply> {
    const about = { ...file, etag }
    const common = { ...validators(about, isByHash), ...(isByHash && crossOrigin) }
    switch (conditionOf(request.headers, about)) {
      case 'failed':
        throw new AppError('PRECONDITION_FAILED')
      case 'not-modified':
        return await reply.code(304).headers(common).send()
      case 'send':
    }
    const path = filePath(file)
    const isDownload = (request.query as Record<string, unknown>)['download'] !== undefined
    const mirrors = this.#mirrorsOf(file, request)
    if (file.local === undefined && mayRedirect && mirrors[0] !== undefined)
      return await reply
        .headers({ ...(isByHash && crossOrigin), 'cache-control': 'no-store' })
        .redirect(
          `${mirrors[0]}${path}?via=${this.#sources.peerId}${isDownload ? '&download' : ''}`,
          307,
        )
    const range = rangeOf(request.headers, about)
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${file.size}`)
      throw new AppError('RANGE_UNSATISFIABLE', { size: file.size })
    }
    const alternates = file.others.map(({ sha256 }) => filePath({ name: file.name, sha256 }))
    const headers = {
      ...common,
      ...fileHeaders(file, { range, isDownload }),
      ...(!isByHash && { 'content-location': path }),
      link: linkHeader(path, mirrors, isByHash ? [] : alternates),
    }
    const part = range ?? { start: 0, bytes: file.size }
    return await this.#body(
      file,
      part,
      request,
      reply.code(range === undefined ? 200 : 206),
      headers,
    )
  }

  #mirrorsOf({ found }: WantedFile, { ip }: FastifyRequest): string[] {
    const { peerId, zone } = this.#sources
    const sources = found.flatMap((content) => content.sources)
    return mirrorsOf(sources, { peerId, zone, clientAddress: ip })
  }

  async #body(
    file: WantedFile,
    range: ByteRange,
    request: FastifyRequest,
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
  ): Promise<FastifyReply> {
    const signal = clientSignal(reply)
    const body = new ReplyBody(reply, headers, { signal, clock: this.#sources.clock })
    try {
      if (request.method !== 'HEAD' && range.bytes > 0)
        await this.#write(file, range, request, body, signal)
      body.end()
    } catch (error) {
      if (!body.isBegun) throw error
      body.breakOff()
    }
    return reply
  }

  async #write(
    file: WantedFile,
    range: ByteRange,
    request: FastifyRequest,
    body: ReplyBody,
    signal: AbortSignal,
  ): Promise<void> {
    const host = hostKeyOf(request.ip)
    if (file.local === undefined) return await this.#writeRelayed(file, range, host, body, signal)
    try {
      await this.#writeLocal(file, range, request, body, signal)
    } catch (error) {
      // The local file has changed, or its disk fails: the rest may come from other peers.
      signal.throwIfAborted()
      if (body.isBroken) throw error
      const isElsewhere = file.found.some(({ sources }) =>
        sources.some(({ peerId }) => peerId !== this.#sources.peerId),
      )
      if (!isElsewhere || !(error instanceof AppError) || error.code === 'BUSY') throw error
      const done = body.writtenBytes
      const rest = { start: range.start + done, bytes: range.bytes - done }
      await this.#writeRelayed(file, rest, host, body, signal)
    }
  }

  async #writeLocal(
    { sha256 }: WantedFile,
    range: ByteRange,
    { ip, socket }: FastifyRequest,
    body: ReplyBody,
    signal: AbortSignal,
  ): Promise<void> {
    const host = hostKeyOf(ip)
    using _ = this.#local.take(host)
    const requester = { id: `http ${ip}:${socket.remotePort}`, host }
    for await (const piece of this.#sources.readLocal({ sha256, range, requester, signal }))
      await body.write(piece)
  }

  async #writeRelayed(
    { name, sha256, found }: WantedFile,
    range: ByteRange,
    host: string,
    body: ReplyBody,
    signal: AbortSignal,
  ): Promise<void> {
    using _ = this.takeRelay(host)
    const { write } = body
    await this.#sources.readOthers({ name, sha256, range, found, write, signal })
  }
}
