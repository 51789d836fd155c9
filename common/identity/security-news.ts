import type { Cancel } from '../clock.ts'
import type { TokenNews } from './authority-store.ts'

/** What the authority has done, for the events. */
export type SecurityNews =
  | { readonly kind: 'joined'; readonly id: string; readonly role: string; readonly host: string }
  | {
      readonly kind: 'join-refused'
      readonly id: string
      readonly host: string
      readonly reason: string
      readonly code: string
    }
  /** Without `by`: by a command on the machine of the authority. */
  | { readonly kind: 'revoked'; readonly id: string; readonly by: string | undefined }
  | TokenNews

/** News kept until there is a listener: of what commands did while the process was stopped. */
const earlyNewsMax = 100

/** Passes on what the authority does. */
export class NewsFeed {
  readonly #listeners = new Set<(news: SecurityNews) => void>()
  #early: SecurityNews[] = []

  tell(news: SecurityNews): void {
    if (this.#listeners.size === 0 && this.#early.length < earlyNewsMax) this.#early.push(news)
    for (const listener of this.#listeners) listener(news)
  }

  /** Tells the listener from now on; the first one also what happened before. */
  listen(listener: (news: SecurityNews) => void): Cancel {
    this.#listeners.add(listener)
    const early = this.#early
    this.#early = []
    early.forEach(listener)
    return () => this.#listeners.delete(listener)
  }
}
