import { render } from 'preact'
import { sentenceOf } from './api/problem.ts'
import { App } from './shell/app.tsx'
import { createPage, PageContext } from './shell/page-context.ts'
import { takeTokenFrom } from './shell/token-in-address.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/overlays.css'
import './styles/list.css'
import './styles/shell.css'
import './styles/files.css'
import './styles/share.css'
import './styles/cluster.css'
import './styles/mesh.css'
import './styles/activity.css'
import 'uplot/dist/uPlot.min.css'

const token = takeTokenFrom(window)
const page = createPage(window)
if (token === undefined) page.live.start()
else
  page.client
    .openSession(token)
    .catch((error: unknown) => page.toasts.fail(sentenceOf(error)))
    .finally(() => page.live.start())
    .catch(() => {})

document.addEventListener('visibilitychange', () => {
  if (!page.needsToken.value) page.live.onVisible(document.visibilityState === 'visible')
})

const root = document.getElementById('page')
if (root !== null)
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  )
