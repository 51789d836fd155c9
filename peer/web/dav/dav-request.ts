/** The parts of a WebDAV request, checked. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { nameOfPath, nameOfUrl } from './dav-path.ts'
import { DavRefusal } from './dav-refusal.ts'
import { parseXml, type XmlElement } from './dav-xml.ts'
import { type ConditionList, parseIfHeader, submittedTokens } from './if-header.ts'

/** A request body of XML: some hundred properties. */
const xmlBytesMax = 64 * 1_024

export interface DavRequest {
  readonly request: FastifyRequest
  readonly name: string
  /** Whether the URL ends with a slash. */
  readonly isFolderUrl: boolean
  readonly headers: FastifyRequest['headers']
  readonly conditions: readonly ConditionList[]
  /** The lock tokens that the client names. */
  readonly tokens: ReadonlySet<string>
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal
  readonly reply: FastifyReply
  /** The body, as it arrives. */
  readonly bytes: AsyncIterable<Uint8Array>
  readonly bytesAnnounced: number | undefined
}

/** @throws AppError NAME_INVALID, BAD_REQUEST */
export function davRequestOf(
  rest: Pick<DavRequest, 'bytes' | 'bytesAnnounced' | 'reply' | 'request' | 'signal'>,
): DavRequest {
  const { url, headers } = rest.request
  const text = textOf(headers['if'])
  const conditions = text === undefined ? [] : parseIfHeader(text)
  const name = nameOfPath(url)
  const isFolderUrl = (url.split('?', 1)[0] ?? '').endsWith('/')
  return { ...rest, name, isFolderUrl, headers, conditions, tokens: submittedTokens(conditions) }
}

export type Depth = '0' | '1' | 'infinity'

/** Without the header, it is infinity. @throws AppError BAD_REQUEST */
export function depthOf({ headers }: DavRequest): Depth {
  const depth = textOf(headers['depth'])?.trim().toLowerCase() ?? 'infinity'
  if (depth === '0' || depth === '1' || depth === 'infinity') return depth
  throw new AppError('BAD_REQUEST', { path: 'Depth', reason: 'is not 0, 1 or infinity' })
}

/** Where to copy or move to. @throws AppError BAD_REQUEST, NAME_INVALID; DavRefusal */
export function destinationOf({ headers }: DavRequest): string {
  const destination = textOf(headers['destination'])
  if (destination === undefined)
    throw new AppError('BAD_REQUEST', { path: 'Destination', reason: 'is missing' })
  return nameOfUrl(destination, headers.host)
}

/** Whether a destination that exists may be replaced. */
export function overwrites({ headers }: DavRequest): boolean {
  return textOf(headers['overwrite'])?.trim().toUpperCase() !== 'F'
}

/** The body; undefined if it is empty. @throws AppError TOO_LARGE, BAD_REQUEST; errors of the stream */
export async function xmlBodyOf({ bytes }: DavRequest): Promise<XmlElement | undefined> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of bytes) {
    size += piece.length
    if (size > xmlBytesMax)
      throw new AppError('TOO_LARGE', { what: 'The body', max: xmlBytesMax, unit: 'bytes' })
    pieces.push(piece)
  }
  return size === 0 ? undefined : parseXml(Buffer.concat(pieces))
}

/** @throws DavRefusal if there is a body: what it means is unknown */
export async function refuseBody({ bytes }: DavRequest): Promise<void> {
  for await (const piece of bytes)
    if (piece.length > 0) throw new DavRefusal(415, 'This method takes no body.')
}

/** When a client says that the file was modified, as ownCloud's clients and rclone do. */
export function modifiedMsOf({ headers }: DavRequest): number | undefined {
  const seconds = Number(textOf(headers['x-oc-mtime']) ?? Number.NaN)
  const ms = Math.round(seconds * 1_000)
  return ms >= 0 && ms <= limits.modifiedMsMax ? ms : undefined
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
