import { type Signal, signal } from '@preact/signals'
import type { PageClock } from '../clock.ts'
import { shownText } from '../format/shown-text.ts'

export interface Toast {
  readonly id: number
  readonly tone: 'ok' | 'bad'
  readonly text: string
}

const shownMs = 5_000
const shownAtOnceMax = 4

/** Short messages about what the user has just done. A failure stays until it is closed. */
export class Toasts {
  readonly list: Signal<readonly Toast[]> = signal([])
  readonly #clock: PageClock
  #lastId = 0

  constructor({ clock }: { clock: PageClock }) {
    this.#clock = clock
  }

  say(text: string): void {
    const { id } = this.#add('ok', text)
    this.#clock.after(shownMs, () => this.close(id))
  }

  fail(text: string): void {
    this.#add('bad', text)
  }

  close(id: number): void {
    this.list.value = this.list.value.filter((toast) => toast.id !== id)
  }

  /** Texts contain names of files. */
  #add(tone: Toast['tone'], given: string): Toast {
    const text = shownText(given)
    this.#lastId += 1
    const toast = { id: this.#lastId, tone, text }
    const others = this.list.value.filter((other) => other.text !== text)
    this.list.value = [...others, toast].slice(-shownAtOnceMax)
    return toast
  }
}
