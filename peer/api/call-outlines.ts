/**
 * The table of calls as a client needs it, in calls.json. `npm run docs` writes it, because loading what
 * makes schemas takes a command longer than everything else that it does.
 */
import { readFileSync } from 'node:fs'
import type { JsonShape } from '../../common/json-shape.ts'
import type { CallName, CallRow } from './calls.ts'

/** A row of the table: names of fields instead of their schemas, but for the reply. */
export interface CallOutline
  extends Pick<CallRow, 'method' | 'path' | 'upload' | 'page' | 'endsWithName'> {
  readonly params?: readonly string[]
  readonly query?: readonly string[]
  readonly body?: readonly string[]
  readonly reply?: JsonShape
}

export interface Outlines {
  /** What every failed call answers. */
  readonly refusal: JsonShape
  readonly calls: Readonly<Record<CallName, CallOutline>>
}

export const outlinesFile = new URL('./calls.json', import.meta.url)

export function readOutlines(): Outlines {
  return JSON.parse(readFileSync(outlinesFile, 'utf8')) as Outlines
}

/** Whether a call is asked for something, or takes nothing but a signal. */
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

/** calls.json, with a line for each call, and without what is for people. */
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
