import { Limits, LimitsChange, type PeerApi } from '../api/peer-api.ts'
import { answers, clientSignal, type Web } from './routes.ts'

/** What this peer may use. */
export function addLimitRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.get(
    '/api/limits',
    {
      schema: {
        summary: 'The limits in force, where each comes from, and what the schedule changes next',
        response: answers(200, Limits),
      },
    },
    (_request, reply) => api.limits(clientSignal(reply)),
  )
  web.patch(
    '/api/limits',
    {
      schema: {
        summary: 'Change limits; they hold at once and after a restart, until they are given back',
        body: LimitsChange,
        response: answers(200, Limits),
      },
    },
    ({ body }, reply) => api.changeLimits(body, clientSignal(reply)),
  )
}
