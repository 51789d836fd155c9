import { chunkBytesFor, chunkCountFor, chunkHashAt } from '../../../common/content/chunks.ts'
import { escapeXml } from '../escape-xml.ts'

export interface MetalinkFile {
  /** Without folders: clients would create them. */
  readonly name: string
  readonly size: number
  readonly sha256?: string
  /** The SHA-256 of each chunk: the pieces that a client verifies. */
  readonly chunkList: Uint8Array
  /** URLs of the whole file, the one to prefer first. */
  readonly urls: readonly string[]
  /** Where the document itself is. */
  readonly origin?: string
}

/** A Metalink document (RFC 5854) whose pieces are Tandem's chunks. */
export function metalinkOf(file: MetalinkFile): string {
  const { name, size, sha256, chunkList, urls, origin } = file
  const hashes = Array.from({ length: chunkCountFor(size) }, (_, chunk) =>
    Buffer.from(chunkHashAt(chunkList, chunk)).toString('hex'),
  )
  const pieces = [
    `<pieces length="${chunkBytesFor(size)}" type="sha-256">`,
    ...hashes.map((hash) => `<hash>${hash}</hash>`),
    '</pieces>',
  ]
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
    '<generator>Tandem</generator>',
    ...(origin === undefined ? [] : [`<origin dynamic="true">${escapeXml(origin)}</origin>`]),
    `<file name="${escapeXml(name)}">`,
    `<size>${size}</size>`,
    ...(sha256 === undefined ? [] : [`<hash type="sha-256">${sha256}</hash>`]),
    ...(size === 0 ? [] : pieces),
    ...urls.map((url, index) => `<url priority="${index + 1}">${escapeXml(url)}</url>`),
    '</file>',
    '</metalink>',
    '',
  ].join('\n')
}
