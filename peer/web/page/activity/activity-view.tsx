import type { FunctionComponent, JSX } from 'preact'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'
import { EventsSection } from './events-section.tsx'
import { HistorySection } from './history-section.tsx'
import { NowSection } from './now-section.tsx'
import { QueriesSection } from './queries-section.tsx'

interface Section {
  /** Its name in the address. */
  readonly name: string
  readonly label: string
  readonly component: FunctionComponent
}

const sections: readonly [Section, ...Section[]] = [
  { name: '', label: 'Now', component: NowSection },
  { name: 'transfers', label: 'Transfers', component: HistorySection },
  { name: 'queries', label: 'Queries', component: QueriesSection },
  { name: 'events', label: 'Events', component: EventsSection },
]

/** What the cluster does, and has done. */
export function ActivityView(): JSX.Element {
  const { path } = usePage().route.value
  const section = sections.find(({ name }) => name === path) ?? sections[0]
  const { component: Content } = section
  return (
    <div class={`view${section.name === '' ? ' scrolls' : ''}`} id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Activity</h1>
        <nav class="tabs" aria-label="Kinds of activity">
          {sections.map(({ name, label }) => (
            <a
              key={name}
              href={formatRoute({ view: 'activity', path: name })}
              {...(name === section.name ? { 'aria-current': 'page' as const } : {})}
            >
              {label}
            </a>
          ))}
        </nav>
      </div>
      <Content key={section.name} />
    </div>
  )
}
