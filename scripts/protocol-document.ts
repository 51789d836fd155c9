import assert from 'node:assert/strict'
import { errorTable } from '../common/error-table.ts'
import { deadlines, limits } from '../common/limits.ts'
import { requestFrame } from '../common/protocol/envelope.ts'
import {
  type MessageType,
  messages,
  messageTypes,
  protocolVersion,
} from '../common/protocol/messages.ts'
import { type Example, exampleChunkHashes, examples } from './protocol-examples.ts'
import { type FieldRow, fieldRows } from './schema-rows.ts'

/** The bounds that the other side notices, in words. */
const bounds: Partial<Record<keyof typeof limits, string>> = {
  frameBodyBytesMax: 'bytes of a frame’s body',
  requestBytesMax: 'bytes of the body of a request’s frame, except `announce` and `tasks`',
  requestsInFlightMax: 'unanswered requests of one side of a connection',
  connectionsMax: 'connections that an index or a peer serves at once, unless it is set otherwise',
  announceChangesMax: 'changes in one announcement',
  nameBytesMax: 'bytes of a name',
  nameSegmentBytesMax: 'bytes of a segment of a name',
  peerIdBytesMax: 'characters of a peer id',
  queryBytesMax: 'characters of a search query',
  pageRowsMax: 'rows of a page',
  contentsPerNameMax: 'contents that a lookup answers',
  sourcesPerContentMax: 'sources named for a content',
  peersMax: 'peers that an index keeps',
  chunkBytesMin: 'bytes of the smallest chunk size',
  chunksMax: 'chunks of a content',
  contentBytesMax: 'bytes of a content',
  chunksPerReadMax: 'chunks that one read asks for',
  tasksPerRequestMax: 'tasks, or outcomes, in one request',
}

const waits: Partial<Record<keyof typeof deadlines, string>> = {
  helloMs: 'from the beginning of a connection to its hello',
  requestMs: 'for a reply',
  bulkStallMs: 'for the next byte of bulk',
  connectionIdleMs: 'without any traffic, until a connection is closed',
  closeMs: 'for what is under way, when a connection is closed orderly',
}

/**
 * PROTOCOL.md: the template with what its `{{marks}}` stand for.
 * @throws AssertionError when a mark is unknown
 */
export function protocolDocument(template: string): string {
  const parts: Readonly<Record<string, string>> = {
    version: protocolVersion,
    frame: hexDump(requestFrame(1, 'heartbeat', { freeBytes: 0 })),
    exampleSize: String(examples.locate.reply.content.size),
    exampleHashes: exampleHashes(),
    messageIndex: table(['type', 'from', 'to', 'bulk', 'meaning'], messageTypes.map(indexRow)),
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

/** The details of an error are what its sentence shows. */
function detailsIn(sentence: string): string {
  return Array.from(sentence.matchAll(/\{(\w+)\}/g), ([, key]) => `\`${key}\``).join(', ')
}

/** Bytes in hex, 16 to a line, with the characters they stand for. */
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
  const { sha256, chunkRoot } = examples.locate.reply.content
  return [
    `SHA-256     ${sha256}`,
    ...exampleChunkHashes.map((hash, index) => `chunk ${index}     ${hash.toString('hex')}`),
    `chunk root  ${chunkRoot}`,
  ].join('\n')
}

function indexRow(type: MessageType): string[] {
  const { from, to, bulk, summary } = messages[type]
  return [`[\`${type}\`](#${type})`, from.join(', '), to.join(', '), bulk ? 'yes' : '', summary]
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

/** JSON with spaces as people write it; what is long goes over several lines. */
function frameText(value: unknown): string {
  const line = JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, ' ')
  const short = line.replaceAll(/([{[]) | ([}\]])/g, '$1$2')
  return short.length <= 120 ? short : JSON.stringify(value, undefined, 2)
}
