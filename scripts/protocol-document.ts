import assert from 'node:assert/strict'
import { errorTable } from '../common/error-table.ts'
import { deadlines, limits } from '../common/limits.ts'
import {
  Discovered,
  discoveryGroup,
  discoveryPort,
  toDatagram,
} from '../common/protocol/discovery-datagram.ts'
import { requestFrame } from '../common/protocol/envelope.ts'
import {
  type MessageType,
  messages,
  messageTypes,
  protocolVersion,
} from '../common/protocol/messages.ts'
import { type Example, exampleChunkHashes, exampleContent, examples } from './protocol-examples.ts'
import { type FieldRow, fieldRows } from './schema-rows.ts'

/** The limits that the other side notices. */
const bounds: Partial<Record<keyof typeof limits, string>> = {
  frameBodyBytesMax: 'bytes in a frame’s body',
  requestBytesMax: 'bytes in the body of a request’s frame, except `announce` and `tasks`',
  requestsInFlightMax: 'unanswered requests per side of a connection',
  connectionsMax: 'concurrent connections of an index or a peer, by default',
  announceChangesMax: 'changes per announcement',
  nameBytesMax: 'bytes in a name',
  nameSegmentBytesMax: 'bytes in a segment of a name',
  peerIdBytesMax: 'characters in a peer id',
  queryBytesMax: 'characters in a search query',
  pageRowsMax: 'rows per page',
  contentsPerNameMax: 'contents in the reply to a lookup',
  sourcesPerContentMax: 'sources listed per content',
  peersMax: 'peers in the registry of an index',
  chunkBytesMin: 'bytes: the smallest chunk size',
  chunksMax: 'chunks per content',
  contentBytesMax: 'bytes per content',
  tasksPerRequestMax: 'tasks or outcomes per request',
}

const waits: Partial<Record<keyof typeof deadlines, string>> = {
  helloMs: 'from opening a connection to its hello',
  requestMs: 'for a reply',
  bulkStallMs: 'for the next bulk byte',
  connectionIdleMs: 'without traffic until a connection is closed',
  closeMs: 'for running requests when a connection is closed gracefully',
}

/**
 * PROTOCOL.md: the template with its `{{marks}}` replaced.
 * @throws AssertionError if a mark is unknown
 */
export function protocolDocument(template: string): string {
  const parts: Readonly<Record<string, string>> = {
    version: protocolVersion,
    programFilesMax: String(limits.programFilesMax),
    frame: hexDump(requestFrame(1, 'heartbeat', { freeBytes: 0 })),
    exampleSize: String(exampleContent.size),
    exampleHashes: exampleHashes(),
    messageIndex: table(
      ['type', 'from', 'to', 'by', 'bulk', 'meaning'],
      messageTypes.map(indexRow),
    ),
    messages: messageTypes.map(messageSection).join('\n\n'),
    errors: table(
      ['code', 'when', 'retryable', 'details'],
      Object.entries(errorTable).map(([code, { when, retryable, sentence }]) => [
        `\`${code}\``,
        when,
        retryable ? 'yes' : 'no',
        detailsIn(sentence),
      ]),
    ),
    discoveryGroup,
    discoveryPort: String(discoveryPort),
    discoveryExample: Buffer.from(
      toDatagram({ peerId: 'peer1', epoch: '0123456789abcdef', port: 7_100 }),
    ).toString(),
    discoveryFields: fieldTable('Datagram', fieldRows(Discovered)),
    bounds: table(
      ['bound', 'value', 'meaning'],
      [...boundRows(bounds, limits, ''), ...boundRows(waits, deadlines, ' ms')],
    ),
    ...Object.fromEntries(
      Object.entries(limits).map(([key, value]) => [`limit:${key}`, grouped(value)]),
    ),
    ...Object.fromEntries(
      Object.entries(deadlines).map(([key, value]) => [`deadline:${key}`, grouped(value)]),
    ),
  }
  return template.replaceAll(/\{\{([\w:]+)\}\}/g, (_, mark: string) => {
    const part = parts[mark]
    assert(part !== undefined, `the template has the unknown mark ${mark}`)
    return part
  })
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

function boundRows(
  words: Readonly<Record<string, string>>,
  values: Readonly<Record<string, number>>,
  unit: string,
): string[][] {
  return Object.entries(words).map(([key, text]) => [
    `\`${key}\``,
    `${grouped(values[key] ?? 0)}${unit}`,
    text,
  ])
}

/** The details of an error: the placeholders of its sentence. */
function detailsIn(sentence: string): string {
  return Array.from(sentence.matchAll(/\{(\w+)\}/g), ([, key]) => `\`${key}\``).join(', ')
}

/** Bytes in hex, 16 per line, with their ASCII characters. */
function hexDump(bytes: Buffer): string {
  const lines: string[] = []
  for (let start = 0; start < bytes.length; start += 16) {
    const part = bytes.subarray(start, start + 16)
    const hex = part.toString('hex').replaceAll(/../g, '$& ')
    const shown = part.toString('latin1').replaceAll(/[^ -~]/g, '.')
    lines.push(`${start.toString(16).padStart(4, '0')}  ${hex.padEnd(48)} ${shown}`)
  }
  return lines.join('\n')
}

function exampleHashes(): string {
  const { sha256, chunkRoot } = exampleContent
  return [
    `SHA-256     ${sha256}`,
    ...exampleChunkHashes.map((hash, index) => `chunk ${index}     ${hash.toString('hex')}`),
    `chunk root  ${chunkRoot}`,
  ].join('\n')
}

function indexRow(type: MessageType): string[] {
  const { from, to, by, bulk, summary } = messages[type]
  const cells = [from.join(', '), to.join(', '), by.join(', '), bulk ? 'yes' : '', summary]
  return [`[\`${type}\`](#${type})`, ...cells]
}

function messageSection(type: MessageType): string {
  const { summary, request, reply } = messages[type]
  const example: Example<MessageType> = examples[type]
  const id = type === 'hello' ? 1 : 7
  const requestText = frameText({ id, type, body: example.request })
  const replyText = frameText({ re: id, body: example.reply, bytes: example.bytes })
  return [
    `### ${type}`,
    summary,
    fieldTable('Request', fieldRows(request)),
    fieldTable('Reply', fieldRows(reply)),
    ['```json', requestText, replyText, '```'].join('\n'),
  ].join('\n\n')
}

function fieldTable(title: string, rows: readonly FieldRow[]): string {
  if (rows.length === 0) return `${title}: an empty object.`
  const cells = rows.map(({ path, isOptional, type, meaning }) => [
    `\`${path}${isOptional ? '?' : ''}\``,
    type,
    meaning,
  ])
  return table([title, 'type', 'meaning'], cells)
}

/** JSON on one line, or on several if it is long. */
function frameText(value: unknown): string {
  const line = JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, ' ')
  const short = line.replaceAll(/([{[]) | ([}\]])/g, '$1$2')
  return short.length <= 120 ? short : JSON.stringify(value, undefined, 2)
}
