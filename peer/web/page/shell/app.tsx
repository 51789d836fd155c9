import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { DownloadsDrawer } from '../downloads/downloads-drawer.tsx'
import { hasModifier } from '../parts/has-modifier.ts'
import { DropAnywhere } from '../share/drop-anywhere.tsx'
import { UploadsInBackground } from '../share/share-view.tsx'
import { Freshness } from './freshness.tsx'
import { InsecureBanner } from './insecure-banner.tsx'
import { usePage } from './page-context.ts'
import { Brand, Sidebar } from './sidebar.tsx'
import { ThemeButton } from './theme-button.tsx'
import { ToastList } from './toast-list.tsx'
import { TokenScreen } from './token-screen.tsx'
import { views } from './views.ts'

export function App(): JSX.Element {
  const { needsToken, showsDownloads, route, live } = usePage()
  const view = views.find(({ name }) => name === route.value.view) ?? views[0]
  const { peerId } = live
  useEffect(() => {
    document.title = [view?.label, peerId.value, 'Tandem'].filter((part) => part).join(' · ')
  }, [view, peerId.value])
  useShortcuts()
  if (needsToken.value) return <TokenScreen />
  if (view === undefined) throw new Error('there are no views')
  const { component: Content, name } = view
  return (
    <>
      <a class="button skip" href={`#${viewId}`} onClick={skipToView}>
        Skip to the content
      </a>
      <div class="shell">
        <header class="top-bar">
          <Brand />
          <span class="soft cut">{peerId.value}</span>
          <ThemeButton />
        </header>
        <Sidebar current={name} />
        <main class="main">
          <InsecureBanner />
          <Freshness />
          <Content key={name} />
        </main>
      </div>
      {showsDownloads.value && <DownloadsDrawer />}
      <UploadsInBackground />
      <DropAnywhere />
      <ToastList />
    </>
  )
}

const viewId = 'view'

/** The fragment is the route, so that the link must not change it. */
function skipToView(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('.main .view')?.focus()
}

/** `/` goes to the search, from anywhere but another field. */
function useShortcuts(): void {
  const page = useRef(usePage())
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event
      const isTyping =
        target instanceof HTMLElement && /^(input|textarea|select)$/i.test(target.tagName)
      if (event.key !== '/' || isTyping || hasModifier(event)) return
      if (document.querySelector('dialog[open]') !== null) return
      event.preventDefault()
      const search = document.querySelector<HTMLInputElement>('input[type="search"]')
      if (search === null) page.current.go({ view: 'files', query: { focus: 'search' } })
      else search.focus()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}
