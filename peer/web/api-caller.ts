import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../common/protocol/history-messages.ts'
import { commandAgent } from '../api/command-agent.ts'

/** The page says so of queries that no user has typed: only what people ask belongs in the history. */
export const byItselfHeader = 'x-tandem-by-itself'

/** Who calls the API, for the history: a hint, not a credential. Calls of `none` are not recorded. */
export type ApiCaller = Exclude<Caller, 'download' | 'mesh'> | 'none'

export function apiCallerOf({
  'user-agent': agent = '',
  ...headers
}: IncomingHttpHeaders): ApiCaller {
  if (byItselfHeader in headers) return 'none'
  if (agent === commandAgent) return 'command'
  return 'sec-fetch-mode' in headers || agent.startsWith('Mozilla/') ? 'page' : 'program'
}
