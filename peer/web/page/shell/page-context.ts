import { type Signal, signal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { Client } from '../api/client.ts'
import { sentenceOf } from '../api/problem.ts'
import { browserClock, type PageClock } from '../clock.ts'
import { Live } from '../live/live.ts'
import { copiesOf, sendFile } from '../share/send-file.ts'
import { UploadQueue } from '../share/upload-queue.ts'
import { formatRoute, parseRoute, type Route } from './route.ts'
import { Theme } from './theme.ts'
import { Toasts } from './toasts.ts'

/** What all parts of the page share. */
export interface Page {
  readonly client: Client
  /** For what the page asks without its user: the history of queries leaves it out. */
  readonly byItself: Client
  readonly live: Live
  readonly clock: PageClock
  readonly toasts: Toasts
  readonly theme: Theme
  readonly uploads: UploadQueue
  /** Where uploads go: a folder in `shared/`, empty for the top. */
  readonly uploadFolder: Signal<string>
  readonly route: Signal<Route>
  /** Whether the peer wants its token before it answers. */
  readonly needsToken: Signal<boolean>
  /** Whether the list of downloads is open. */
  readonly showsDownloads: Signal<boolean>
  /** Current time, once a second: reading it in a component keeps `5 s ago` true. */
  readonly nowMs: Signal<number>
  /** With `replaces`, the way back leads to what was before the present route. */
  readonly go: (route: Partial<Route>, options?: { readonly replaces?: boolean }) => void
  /** Runs an action of the user, and shows its failure, or `done` after its success. */
  readonly act: (action: () => Promise<unknown>, done?: string) => void
}

export function createPage(window: Window): Page {
  const clock = browserClock
  const needsToken = signal(false)
  const onTokenRequired = (): void => {
    needsToken.value = true
  }
  const client = new Client({ fetch: (url, init) => window.fetch(url, init), onTokenRequired })
  const byItself = new Client({
    fetch: (url, init) => {
      const headers = new Headers(init.headers)
      headers.set('x-tandem-by-itself', '1')
      return window.fetch(url, { ...init, headers })
    },
    onTokenRequired,
  })
  const toasts = new Toasts({ clock })
  const route = signal(parseRoute(window.location.hash))
  window.addEventListener('hashchange', () => {
    route.value = parseRoute(window.location.hash)
  })
  const nowMs = signal(clock.nowMs())
  const tick = (): void => {
    nowMs.value = clock.nowMs()
    clock.after(1_000, tick)
  }
  tick()
  const random = (): number => (window.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
  return {
    client,
    byItself,
    clock,
    toasts,
    route,
    needsToken,
    nowMs,
    live: new Live({ client, clock, random }),
    theme: new Theme(window),
    uploads: new UploadQueue({
      send: sendFile,
      copiesOf: (name, sha256) => copiesOf(byItself, name, sha256),
    }),
    uploadFolder: signal(''),
    showsDownloads: signal(false),
    go: (target, { replaces = false } = {}) => {
      const hash = formatRoute(target)
      if (!replaces) window.location.hash = hash
      else {
        // Unlike a new address, this is no event.
        window.history.replaceState(null, '', hash)
        route.value = parseRoute(hash)
      }
    },
    act: (action, done) => {
      const run = async (): Promise<void> => {
        await action()
        if (done !== undefined) toasts.say(done)
      }
      run().catch((error: unknown) => toasts.fail(sentenceOf(error)))
    },
  }
}

export const PageContext = createContext<Page | undefined>(undefined)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (page === undefined) throw new Error('no page around this component')
  return page
}
