import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../common/protocol/history-messages.ts'
import { commandAgent } from '../api/command-agent.ts'

/** Who calls the API, for the history: a hint, not a credential. */
export type ApiCaller = Exclude<Caller, 'download'>

export function apiCallerOf({
  'user-agent': agent = '',
  ...headers
}: IncomingHttpHeaders): ApiCaller {
  if (agent === commandAgent) return 'command'
  return 'sec-fetch-mode' in headers || agent.startsWith('Mozilla/') ? 'page' : 'program'
}
