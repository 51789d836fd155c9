/** The thread that has the trigrams of all names; the other end is name-search.ts. */
import { answerCalls } from '../../common/thread/answer-calls.js'
import { type Having, type HavingRequest, NamesDatabase } from './names-database.ts'

export type NamesRequest =
  | { readonly kind: 'open'; readonly path: string }
  | { readonly kind: 'add' | 'remove'; readonly names: readonly string[] }
  | {
      readonly kind: 'replace'
      readonly after: string
      readonly to: string | undefined
      readonly names: readonly string[]
    }
  | ({ readonly kind: 'having' } & HavingRequest)

/** The names of a `having`; undefined for all else. */
export type NamesReply = Having

let database: NamesDatabase | undefined

answerCalls<NamesRequest, NamesReply>((request) => ({ reply: answerTo(request) }))

function answerTo(request: NamesRequest): NamesReply {
  if (request.kind === 'open') database = new NamesDatabase(request.path)
  if (database === undefined) throw new Error('the database is not open')
  if (request.kind === 'having') return database.having(request)
  if (request.kind === 'add') database.add(request.names)
  else if (request.kind === 'remove') database.remove(request.names)
  else if (request.kind === 'replace') database.replace(request.after, request.to, request.names)
  return undefined
}
