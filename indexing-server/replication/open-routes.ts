/** Which queued contents may be planned now: pure policy. */
import type { Lane } from '../../common/content/lanes.ts'
import type { Route, RouteHead } from './route-queues.ts'
import { type StreamKey, streamOf } from './running-tasks.ts'

/**
 * A place for a batch at a target: `own` is carried out immediately, `next` waits at the target for
 * the one that is, so that the target is never idle while its report travels.
 */
export type Slot = 'own' | 'next'

export interface RouteFacts {
  /** The slot that a target has left. */
  readonly slotOf: (target: string, lane: Lane) => Slot | undefined
  /** The source of the batch that a target carries out. */
  readonly sourceAt: (target: string, lane: Lane) => string | undefined
  /** The streams that a source has left. */
  readonly spareStreams: (stream: StreamKey) => number
}

export interface OpenRoutes {
  /** At most one per target and lane. */
  readonly open: readonly Route[]
  /** Streams that targets without any batch wait for: no batch that waits may continue them. */
  readonly contended: ReadonlySet<StreamKey>
}

/**
 * Opens the route of the most urgent content of each target with a free slot, as far as the sources
 * have streams for them; targets that would be idle come first. A batch that waits for one from the
 * same source continues its stream, unless a target that is idle needs it.
 * @param heads most urgent first
 */
export function openRoutes(heads: readonly RouteHead[], facts: RouteFacts): OpenRoutes {
  const open = new Map<string, Route>()
  const used = new Map<StreamKey, number>()
  const routes = heads.map(({ route }) => ({
    route,
    targetKey: `${route.lane} ${route.target}`,
    stream: route.source === undefined ? undefined : streamOf(route.lane, route.source),
    slot: facts.slotOf(route.target, route.lane),
  }))
  const take = (stream: StreamKey | undefined): boolean => {
    if (stream === undefined) return true
    const taken = used.get(stream) ?? 0
    if (facts.spareStreams(stream) <= taken) return false
    used.set(stream, taken + 1)
    return true
  }
  for (const { route, targetKey, stream, slot } of routes)
    if (slot === 'own' && !open.has(targetKey) && take(stream)) open.set(targetKey, route)
  const contended = new Set<StreamKey>()
  for (const { targetKey, stream, slot } of routes)
    if (slot === 'own' && !open.has(targetKey) && stream !== undefined) contended.add(stream)
  for (const { route, targetKey, stream, slot } of routes) {
    if (slot !== 'next' || open.has(targetKey)) continue
    const continues =
      stream !== undefined &&
      facts.sourceAt(route.target, route.lane) === route.source &&
      !contended.has(stream)
    if (continues || take(stream)) open.set(targetKey, route)
  }
  return { open: [...open.values()], contended }
}
