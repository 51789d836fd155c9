import { Writable } from 'node:stream'

/** A stream that stores what is written; optionally a terminal. */
export class CapturedOutput extends Writable {
  readonly isTTY: boolean
  readonly columns = 80
  #text = ''

  constructor(options: { isTTY?: boolean } = {}) {
    super({ decodeStrings: false })
    this.isTTY = options.isTTY ?? false
  }

  get text(): string {
    return this.#text
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.#text += chunk.toString()
    done()
  }
}
