import { Writable } from 'node:stream'

/** A stream that keeps what is written to it; a terminal if it is told so. */
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
