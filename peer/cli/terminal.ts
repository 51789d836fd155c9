import { type InspectColor, styleText } from 'node:util'
import type { createLogUpdate } from 'log-update'
import { isDumbTerminal } from '../../common/dumb-terminal.ts'

/** A stream that may be a terminal. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
  /** Also false if NO_COLOR is set. */
  hasColors?(): boolean
}

type Update = ReturnType<typeof createLogUpdate>

interface Streams {
  readonly answers: OutputStream
  readonly remarks: OutputStream
}

/** The output of a command: replies on one stream, progress and errors on the other. */
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

  /** Loads the progress display only for a terminal. */
  static async open(streams: Streams): Promise<Terminal> {
    if (streams.remarks.isTTY !== true || isDumbTerminal()) return new Terminal(streams, undefined)
    const { createLogUpdate } = await import('log-update')
    return new Terminal(streams, createLogUpdate(streams.remarks, { showCursor: true }))
  }

  /** Whether the replies go to a terminal. */
  get isForPeople(): boolean {
    return this.#answers.isTTY === true
  }

  /**
   * Writes a reply; resolves when the reader has consumed it, so that long ones do not accumulate.
   * @throws the stream's error, EPIPE if the reader is gone
   */
  print(text: string): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** The same for raw bytes, which must not change until it resolves. */
  write(bytes: string | Uint8Array): Promise<void> {
    this.#clearProgress()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#answers.write(bytes, (error) => (error ? reject(error) : resolve()))
    return promise
  }

  /** Writes a line about an event, such as an error. */
  remark(text: string): void {
    this.#clearProgress()
    this.#remarks.write(`${text}\n`)
  }

  /** Replaces the progress line until the next write; only on a terminal. */
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

  /** `text` with a style, if the stream of replies shows styles. */
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

/** Only a terminal does, even with FORCE_COLOR set for other tools: programs read everything else. */
export function showsStyles(stream: OutputStream): boolean {
  return stream.isTTY === true && !isDumbTerminal() && (stream.hasColors?.() ?? true)
}
