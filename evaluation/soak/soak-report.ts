import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import type { Clock } from '../../common/clock.ts'

/** The record of a soak: every action goes to a file, each violation to the terminal, too. */
export class SoakReport implements AsyncDisposable {
  readonly violations: string[] = []
  readonly counts = new Map<string, number>()
  readonly #clock: Clock
  readonly #startMs: number
  readonly #stream: WriteStream
  readonly #print: (line: string) => void

  constructor(
    { path, print }: { path: string; print: (line: string) => void },
    { clock }: { clock: Clock },
  ) {
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
    this.#print = print
    this.#stream = createWriteStream(path)
    this.#stream.on('error', (error) => print(`the report cannot be written: ${error.message}`))
  }

  /** Counts an action and records its outcome. */
  note(kind: string, details: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#stream.write(`${this.#elapsed()} ${kind} ${details}\n`)
  }

  progress(text: string): void {
    this.#stream.write(`${this.#elapsed()} -- ${text}\n`)
    this.#print(`${this.#elapsed()} ${text}`)
  }

  /** A guarantee was violated. */
  violation(text: string): void {
    this.violations.push(text)
    this.progress(`VIOLATION ${text}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.end()
    await once(this.#stream, 'close')
  }

  #elapsed(): string {
    const seconds = (this.#clock.monotonicMs() - this.#startMs) / 1000
    return `${seconds.toFixed(1).padStart(7)} s`
  }
}
