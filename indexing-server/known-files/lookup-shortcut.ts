import type { Clock } from '../../common/clock.ts'
import { type Shortcut, shortReplyBytesMax } from '../../common/protocol/shortcut.ts'
import type { Fetching } from '../fetching.ts'
import type { KnownFiles } from './known-files.ts'
import type { LookupMemory } from './lookup-memory.ts'
import { sha256In } from './packed-rows.ts'
import { ReplyWriter } from './reply-writer.ts'

const request = {
  id: Buffer.from('{"id":'),
  name: Buffer.from(',"type":"lookup","body":{"name":"'),
  end: Buffer.from('"}}'),
}
const replyId = Buffer.from('{"re":')
const [zero = 0, nine = 0] = Buffer.from('09')
/** Numbers of so many digits are exact. */
const idDigitsMax = 15
const headerBytes = 4

interface Dependencies {
  /** Peers that are downloading a content are sources, too, which a row does not have. */
  readonly fetching: Pick<Fetching, 'isEmpty' | 'isFetched'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Makes the file of a name known, if it can. @returns whether it is known now */
  readonly load: (name: string) => boolean
  /** Whether it may answer now. */
  readonly isOpen: () => boolean
  /** It answered this number of requests, together in `seconds`. */
  readonly onAnswered: (count: number, seconds: number) => void
}

/**
 * Answers lookups of files that are known, or can be made so: frames as `JSON.stringify` writes them,
 * with a name and nothing else. Since the names of known files are the same in JSON, a name is
 * compared as it stands in the frame.
 */
export class LookupShortcut implements Shortcut {
  readonly #files: Pick<KnownFiles, 'find' | 'parts'>
  readonly #writer: ReplyWriter
  readonly #dependencies: Dependencies
  #openedMs = 0

  constructor(
    { files, sources }: Pick<LookupMemory, 'files' | 'sources'>,
    dependencies: Dependencies,
  ) {
    this.#files = files
    this.#writer = new ReplyWriter(sources)
    this.#dependencies = dependencies
  }

  isOpen(): boolean {
    this.#openedMs = this.#dependencies.clock.monotonicMs()
    return this.#dependencies.isOpen()
  }

  onAnswered(count: number): void {
    const { clock, onAnswered } = this.#dependencies
    onAnswered(count, (clock.monotonicMs() - this.#openedMs) / 1_000)
  }

  answer(...[frame, reply, mayTake]: Parameters<Shortcut['answer']>): number {
    const { bytes, start, end } = frame
    const idStart = start + request.id.length
    const idEnd = digitsEnd(bytes, idStart, end)
    const nameStart = idEnd + request.name.length
    const nameEnd = end - request.end.length
    if (idEnd === idStart || nameStart >= nameEnd) return reply.at
    if (!hasText(bytes, start, request.id) || !hasText(bytes, idEnd, request.name)) return reply.at
    if (!hasText(bytes, nameEnd, request.end)) return reply.at
    const file = this.#find(bytes, nameStart, nameEnd)
    if (file === 0 || this.#isFetched(file)) return reply.at
    if (!mayTake(numberIn(bytes, idStart, idEnd))) return reply.at
    return this.#write(file, { bytes, start: idStart, end: idEnd }, reply)
  }

  /** A file that is not known is read: for a handler, that takes half of the time. */
  #find(bytes: Buffer, start: number, end: number): number {
    const known = this.#files.find(bytes, start, end)
    if (known !== 0) return known
    const isLoaded = this.#load(bytes.toString('utf8', start, end))
    return isLoaded ? this.#files.find(bytes, start, end) : 0
  }

  #load(name: string): boolean {
    try {
      return this.#dependencies.load(name)
    } catch {
      // The handler reads it again, and reports what fails.
      return false
    }
  }

  #isFetched(file: number): boolean {
    const { fetching } = this.#dependencies
    return !fetching.isEmpty && fetching.isFetched(sha256In(this.#files.parts(file)))
  }

  #write(
    file: number,
    id: Parameters<Shortcut['answer']>[0],
    { bytes, at }: Parameters<Shortcut['answer']>[1],
  ): number {
    const bodyStart = at + headerBytes
    bytes.set(replyId, bodyStart)
    let idEnd = bodyStart + replyId.length
    for (let from = id.start; from < id.end; from += 1) bytes[idEnd++] = id.bytes[from] as number
    const parts = this.#files.parts(file)
    const end = this.#writer.write(parts, bytes, idEnd, at + shortReplyBytesMax - idEnd)
    if (end === 0) return at
    bytes.writeUInt32BE(end - bodyStart, at)
    return end
  }
}

/** Where the digits of an id end, which are those of a positive number; `start` if they are not. */
function digitsEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] as number) >= zero && (bytes[at] as number) <= nine) at += 1
  return bytes[start] === zero || at - start > idDigitsMax ? start : at
}

function numberIn(bytes: Buffer, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at += 1) number = 10 * number + (bytes[at] as number) - zero
  return number
}

function hasText(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index += 1)
    if (bytes[at + index] !== text[index]) return false
  return true
}
