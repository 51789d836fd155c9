import { type InspectColor, styleText } from 'node:util'
import type { createLogUpdate } from 'log-update'
import { isDumbTerminal } from '../../common/dumb-terminal.ts'

/** A stream that may be a terminal. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
  /** False also when NO_COLOR is set. */
  hasColors?(): boolean
}

type Update = ReturnType<typeof createLogUpdate>

interface Streams {
  readonly answers: OutputStream
  readonly remarks: OutputStream
}

/** Where a command writes: answers to one stream, progress and errors to the other. */
export class Terminal {
  readonly #answers: OutputStream
  readonly #remarks: OutputStream
  readonly #update: Update | undefined
  #isProgressShown = false

  private constructor(streams: Streams, update: Update | undefined) {
    this.#answers = streams.answers
    this.#remarks = streams.remarks
    this.#update = update
  }

  /** What shows progress is loaded only for a person who sees it. */
  static async open(streams: Streams): Promise<Terminal> {
    if (streams.remarks.isTTY !== true || isDumbTerminal()) return new Terminal(streams, undefined)
    const { createLogUpdate } = await import('log-update')
    return new Terminal(streams, createLogUpdate(streams.remarks, { showCursor: true }))
  }

  /** Whether a person reads the answers. */
  get isForPeople(): boolean {
    return this.#answers.isTTY === true
  }

  /**
   * Writes an answer; resolves when the reader has taken it, so that a long one does not pile up.
   * @throws the stream's error, EPIPE when nobody reads any more
   */
  print(text: string): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** The same for bytes as they are, which must stay so until it resolves. */
  write(bytes: string | Uint8Array): Promise<void> {
    this.#clearProgress()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#answers.write(bytes, (error) => (error ? reject(error) : resolve()))
    return promise
  }

  /** Writes a line about what happened, such as an error. */
  remark(text: string): void {
    this.#clearProgress()
    this.#remarks.write(`${text}\n`)
  }

  /** Shows `line` in place of the one before until something else is written; nothing unless a person reads it. */
  showProgress(line: (columns: number) => string): void {
    if (this.#update === undefined) return
    this.#update(line(this.#remarks.columns ?? 80))
    this.#isProgressShown = true
  }

  #clearProgress(): void {
    if (!this.#isProgressShown) return
    this.#isProgressShown = false
    this.#update?.clear()
    this.#update?.done()
  }

  /** `text` in a style if the answers' reader sees styles. */
  style(format: InspectColor | InspectColor[], text: string): string {
    return styled(this.#answers, format, text)
  }

  /** The same for remarks. */
  styleRemark(format: InspectColor | InspectColor[], text: string): string {
    return styled(this.#remarks, format, text)
  }
}

function styled(stream: OutputStream, format: InspectColor | InspectColor[], text: string): string {
  return showsStyles(stream) ? styleText(format, text, { stream }) : text
}

/** Without a terminal that can never, even where FORCE_COLOR is set for other tools: programs read it. */
export function showsStyles(stream: OutputStream): boolean {
  return stream.isTTY === true && !isDumbTerminal() && (stream.hasColors?.() ?? true)
}
