import { chunkBytesFor, chunkCountFor, chunkHashAt } from '../../common/content/chunks.ts'

export interface MetalinkFile {
  readonly name: string
  readonly size: number
  /** The SHA-256 of each chunk: the pieces that a client verifies. */
  readonly chunkList: Uint8Array
  /** URLs of the whole file. */
  readonly urls: readonly string[]
}

/**
 * A Metalink 4 document (RFC 5854) whose pieces are Tandem's chunks. Name and URLs need no
 * escaping.
 */
export function metalinkOf({ name, size, chunkList, urls }: MetalinkFile): string {
  const hashes = Array.from({ length: chunkCountFor(size) }, (_, chunk) =>
    Buffer.from(chunkHashAt(chunkList, chunk)).toString('hex'),
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
    `<file name="${name}">`,
    `<size>${size}</size>`,
    `<pieces length="${chunkBytesFor(size)}" type="sha-256">`,
    ...hashes.map((hash) => `<hash>${hash}</hash>`),
    '</pieces>',
    ...urls.map((url) => `<url priority="1">${url}</url>`),
    '</file>',
    '</metalink>',
    '',
  ].join('\n')
}
