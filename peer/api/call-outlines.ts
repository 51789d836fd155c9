/**
 * The table of calls as clients need it, in calls.json. `npm run docs` generates that file, because
 * loading the schema library takes a command longer than all its work.
 */
import { readFileSync } from 'node:fs'
import type { JsonShape } from '../../common/json-shape.ts'
import type { CallName, CallRow } from './calls.ts'

/** A row of the table with names of fields instead of schemas, except for the reply. */
export interface CallOutline
  extends Pick<CallRow, 'method' | 'path' | 'upload' | 'page' | 'endsWithName'> {
  readonly params?: readonly string[]
  readonly query?: readonly string[]
  readonly body?: readonly string[]
  readonly reply?: JsonShape
}

export interface Outlines {
  /** The shape of every error reply. */
  readonly refusal: JsonShape
  readonly calls: Readonly<Record<CallName, CallOutline>>
}

export const outlinesFile = new URL('./calls.json', import.meta.url)

export function readOutlines(): Outlines {
  return JSON.parse(readFileSync(outlinesFile, 'utf8')) as Outlines
}

/** Whether the method takes a request, or only a signal. */
export function takesRequest({ params, query, body, upload }: CallOutline | CallRow): boolean {
  return [params, query, body, upload].some((part) => part !== undefined)
}

function outlineOf(row: CallRow): CallOutline {
  const { method, path, upload, page, endsWithName } = row
  const { params, query, body, reply } = row
  return {
    method,
    path,
    ...(params && { params: Object.keys(params.properties) }),
    ...(query && { query: Object.keys(query.properties) }),
    ...(body && { body: Object.keys(body.properties) }),
    ...(upload && { upload }),
    ...(endsWithName && { endsWithName }),
    ...(page !== undefined && { page }),
    ...(reply && { reply: reply as JsonShape }),
  }
}

/** The text of calls.json: a line for each call, without descriptions. */
export function outlinesText(rows: Readonly<Record<string, CallRow>>, refusal: object): string {
  const lines = Object.entries(rows).map(
    ([name, row]) => `    ${JSON.stringify(name)}: ${jsonOf(outlineOf(row))}`,
  )
  return `{\n  "refusal": ${jsonOf(refusal)},\n  "calls": {\n${lines.join(',\n')}\n  }\n}\n`
}

function jsonOf(value: object): string {
  return JSON.stringify(value, (key, part: unknown) =>
    key === 'description' && typeof part === 'string' ? undefined : part,
  )
}
