import type { FastifyReply, FastifyRequest } from 'fastify'
import { chunkCountFor } from '../../../common/content/chunks.ts'
import { hostKeyOf } from '../../../common/protocol/host-share.ts'
import { clientSignal } from '../routes.ts'
import { contentDisposition } from './content-disposition.ts'
import { contentTypeOf } from './content-type.ts'
import type { FileSender } from './file-sender.ts'
import type { FileSources } from './file-sources.ts'
import { pieceHashBytes, torrentOf } from './metainfo.ts'
import { metalinkOf } from './metalink.ts'
import { baseName, filePath, mirrorsOf, originOf } from './mirrors.ts'
import { TorrentPieces } from './torrent-pieces.ts'
import { fileByHash, type WantedFile } from './wanted-file.ts'

export type DocumentKind = 'meta4' | 'torrent'

/** The document that a URL's name may mean, and the name of the file it describes. */
export function documentIn(name: string): { kind: DocumentKind; of: string } | undefined {
  const match = /^(.*[^/])\.(meta4|torrent)$/s.exec(name)
  const [, of, kind] = match ?? []
  return of === undefined ? undefined : { kind: kind as DocumentKind, of }
}

/** Sends the documents from which clients download a file: from several peers, and verifying it. */
export class FileDocuments {
  readonly #sources: FileSources
  readonly #pieces: TorrentPieces

  constructor(sources: FileSources, sender: Pick<FileSender, 'takeRelay'>) {
    this.#sources = sources
    this.#pieces = new TorrentPieces(sources, () => sender.takeRelay('torrent'))
  }

  /** @throws AppError NAME_NOT_FOUND, CONTENT_NOT_FOUND, NO_SOURCE, and errors of reading */
  async send(
    { kind, of: name }: { kind: DocumentKind; of: string },
    sha256: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const signal = clientSignal(reply)
    // Hashing a large file takes long, and the connection is silent meanwhile.
    reply.raw.on('timeout', () => {})
    const file = await fileByHash(name, sha256, this.#sources, signal)
    const urls = this.#urlsOf(file, request)
    const document =
      kind === 'meta4'
        ? await this.#metalink(file, urls, request, signal)
        : torrentOf(
            {
              ...file,
              name: baseName(file.name),
              pieces: await this.#piecesOf(file, request, signal),
            },
            { webSeeds: urls },
          ).metainfo
    return await reply
      .type(contentTypeOf(`.${kind}`))
      .header('cache-control', 'private, no-cache')
      .header('x-content-type-options', 'nosniff')
      .header('content-disposition', contentDisposition('attachment', `${baseName(name)}.${kind}`))
      .send(document)
  }

  /** This peer first, if it has the file; otherwise last, as it reads from others itself. */
  #urlsOf(file: WantedFile, request: FastifyRequest): string[] {
    const { peerId, zone } = this.#sources
    const path = filePath(file)
    const found = file.found.flatMap(({ sources }) => sources)
    const others = mirrorsOf(found, { peerId, zone, clientAddress: request.ip }).map(
      (url) => url + path,
    )
    const own = reachedOrigin(request) + path
    return file.local === undefined ? [...others, own] : [own, ...others]
  }

  async #metalink(
    file: WantedFile,
    urls: readonly string[],
    request: FastifyRequest,
    signal: AbortSignal,
  ): Promise<string> {
    const { name, local, found } = file
    const [content] = found
    const chunkList =
      local?.chunkList ??
      (content && (await this.#sources.chunkListOf(content, name, signal))) ??
      new Uint8Array()
    const origin = `${reachedOrigin(request)}${filePath(file)}.meta4`
    return metalinkOf({ ...file, name: baseName(name), chunkList, urls, origin })
  }

  /** For HEAD the length is enough, and no file is read. */
  async #piecesOf(
    file: WantedFile,
    { method, ip }: FastifyRequest,
    signal: AbortSignal,
  ): Promise<Buffer> {
    if (method === 'HEAD') return Buffer.alloc(pieceHashBytes * chunkCountFor(file.size))
    return await this.#pieces.of(file, hostKeyOf(ip), signal)
  }
}

function reachedOrigin({ protocol, headers: { host }, socket }: FastifyRequest): string {
  return originOf({ protocol, host, localPort: socket.localPort })
}
