import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Clock } from '../../../common/clock.ts'
import type { Log } from '../../../common/log.ts'
import { EventCursor, eventCursorPattern } from '../../../common/protocol/event-messages.ts'
import { calls } from '../../api/calls.ts'
import type { Web } from '../routes.ts'
import type { LiveSources } from './live-feed.ts'
import { LiveStream } from './live-stream.ts'

const eventStream = 'text/event-stream'

type Store = ReturnType<Parameters<Web['addConstraintStrategy']>[0]['storage']>
type StoredHandler = Parameters<Store['set']>[1]

/**
 * The path of `events` answers with a stream if the client accepts one: as a route of its own, which
 * is chosen by the Accept header. Called before the routes of the calls are added.
 */
export function addLiveRoutes(
  web: Web,
  { peerId }: { readonly peerId: string },
  { live, clock, log }: { live: LiveSources; clock: Clock; log: Log },
): void {
  const startedMs = Math.round(clock.nowMs())
  const stream = new LiveStream({ peerId, startedMs }, live, { clock, log })
  web.addHook('preClose', async () => await stream[Symbol.asyncDispose]())
  web.addConstraintStrategy({
    name: 'accepts',
    mustMatchWhenDerived: false,
    deriveConstraint: ({ headers }) =>
      headers.accept?.includes(eventStream) === true ? eventStream : undefined,
    storage: () => {
      const handlers = new Map<unknown, StoredHandler>()
      return {
        get: (value) => handlers.get(value) ?? null,
        set: (value, handler) => handlers.set(value, handler),
      }
    },
  })
  web.route({
    method: 'GET',
    url: calls.events.path,
    constraints: { accepts: eventStream },
    exposeHeadRoute: false,
    schema: { hide: true, querystring: Type.Object({ after: Type.Optional(EventCursor) }) },
    handler: (request, reply) => {
      const after = cursorOf(request)
      stream.checkRoom()
      reply.hijack()
      const headers = {
        ...reply.getHeaders(),
        'content-type': eventStream,
        'cache-control': 'no-store',
        // Otherwise nginx collects the events.
        'x-accel-buffering': 'no',
      }
      for (const [name, value = ''] of Object.entries(headers)) reply.raw.setHeader(name, value)
      stream.add(reply.raw, { after })
    },
  })
}

/** A browser repeats the address of its first connection, but knows a later event. */
function cursorOf({ headers, query }: FastifyRequest): string | undefined {
  const last = headers['last-event-id']
  if (typeof last === 'string' && eventCursorPattern.test(last)) return last
  return (query as { after?: string }).after
}
