import { fastifyRateLimit } from '@fastify/rate-limit'
import { AppError } from '../../common/errors.ts'
import { isLoopback } from '../../common/hosts.ts'
import { limits } from '../../common/limits.ts'
import { hostKeyOf } from '../../common/protocol/host-share.ts'
import type { Web } from './routes.ts'

const windowMs = 10_000
/** Probes must not fail because another caller sends many. */
const unlimitedRoutes: ReadonlySet<string> = new Set(['/healthz', '/readyz'])
const noHeaders = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
  'retry-after': false,
}

type RequestsMax = Readonly<Record<'httpRequestsOfHostMax' | 'httpRequestsOfLoopbackMax', number>>

/** Requests per host, of which none may keep the peer from its other work. Counted before tokens are checked. */
export async function addRateLimit(
  web: Web,
  { httpRequestsOfHostMax, httpRequestsOfLoopbackMax }: RequestsMax = limits,
): Promise<void> {
  await web.register(fastifyRateLimit, {
    global: false,
    timeWindow: windowMs,
    max: (_request, host) => (isLoopback(host) ? httpRequestsOfLoopbackMax : httpRequestsOfHostMax),
    cache: limits.httpHostsMax,
    keyGenerator: ({ ip }) => (isLoopback(ip) ? ip : hostKeyOf(ip)),
    allowList: ({ routeOptions }) => unlimitedRoutes.has(routeOptions.url ?? ''),
    addHeaders: noHeaders,
    addHeadersOnExceeding: noHeaders,
    // The error handler makes the answer, with Retry-After.
    errorResponseBuilder: (_request, { ttl }) =>
      new AppError('TOO_MANY_CALLS', { retryAfterSeconds: Math.ceil(ttl / 1_000) }),
  })
  // A global hook also counts requests for which there is no route.
  web.addHook('onRequest', web.rateLimit())
}
