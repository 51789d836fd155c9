/** The headers of a file's bytes. Pure. */
import type { ByteRange } from '../../../common/content/chunks.ts'
import { contentDisposition } from './content-disposition.ts'
import { contentTypeOf, isShown } from './content-type.ts'
import { baseName } from './mirrors.ts'

export interface FileFacts {
  readonly name: string
  readonly sha256: string
  readonly size: number
  readonly modifiedMs?: number | undefined
}

type Headers = Readonly<Record<string, string>>

export function etagOf(sha256: string): string {
  return `"${sha256}"`
}

/**
 * A shared file is not part of the page: it may not run scripts, send forms, or be taken for another type.
 */
const isolation: Headers = {
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'",
  'referrer-policy': 'no-referrer',
}

/** Those of every answer about the file, also 304. */
export function validators(
  { etag, modifiedMs }: Pick<FileFacts, 'modifiedMs'> & { readonly etag: string },
  isByHash: boolean,
): Headers {
  return {
    etag,
    ...(modifiedMs !== undefined && { 'last-modified': new Date(modifiedMs).toUTCString() }),
    'cache-control': isByHash ? 'private, max-age=31536000, immutable' : 'private, no-cache',
  }
}

export function fileHeaders(
  file: FileFacts,
  { range, isDownload }: { range: ByteRange | undefined; isDownload: boolean },
): Headers {
  const { name, sha256, size } = file
  const contentType = contentTypeOf(name)
  const digest = Buffer.from(sha256, 'hex').toString('base64')
  const kind = isShown(contentType) && !isDownload ? 'inline' : 'attachment'
  const { start, bytes } = range ?? { start: 0, bytes: size }
  return {
    ...isolation,
    'content-type': contentType,
    'content-length': String(bytes),
    'accept-ranges': 'bytes',
    'repr-digest': `sha-256=:${digest}:`,
    digest: `SHA-256=${digest}`,
    'content-disposition': contentDisposition(kind, baseName(name)),
    ...(range && { 'content-range': `bytes ${start}-${start + bytes - 1}/${size}` }),
  }
}

const exposed = [
  'accept-ranges',
  'content-disposition',
  'content-length',
  'content-range',
  'digest',
  'etag',
  'last-modified',
  'link',
  'repr-digest',
]

/**
 * Lets pages of other origins read bytes whose hash they know, and only these: a name can be guessed.
 */
export const crossOrigin: Headers = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': exposed.join(', '),
  'cross-origin-resource-policy': 'cross-origin',
}

export const preflight: Headers = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': 'authorization, if-none-match, if-range, range',
  'access-control-max-age': '86400',
}

/** Link (RFC 6249, RFC 8288): the documents that describe the file, and mirrors, as far as there is room. */
export function linkHeader(
  path: string,
  mirrors: readonly string[],
  alternates: readonly string[] = [],
): string {
  const links = [
    `<${path}.meta4>; rel=describedby; type="application/metalink4+xml"`,
    `<${path}.torrent>; rel=describedby; type="application/x-bittorrent"`,
    ...mirrors
      .slice(0, mirrorsLinked)
      .map((mirror, index) => `<${mirror}${path}>; rel=duplicate; pri=${index + 1}`),
    ...alternates.slice(0, mirrorsLinked).map((other) => `<${other}>; rel=alternate`),
  ]
  let left = linkCharactersMax
  return links.filter((link) => (left -= link.length) >= 0).join(', ')
}

/** More are of no use. */
const mirrorsLinked = 8
/** Long names are repeated in each link, and some clients accept 16 KiB of headers. */
const linkCharactersMax = 6_000
