/** Server-sent events as bytes (WHATWG HTML, 9.2). */

/** What clients receive; each event is documented in decision 35. */
export type LiveEvent =
  | 'hello'
  | 'happened'
  | 'missed'
  | 'status'
  | 'peers'
  | 'downloads'
  | 'transfers'
  | 'files'
  | 'query'
  | 'sample'

/** Delay before a browser reconnects, in milliseconds. */
const reconnectMs = 1_000

/** @param json without line breaks, as JSON.stringify writes it */
export function frameOf(event: LiveEvent, json: string, id?: string): Buffer {
  const lines = [...(id === undefined ? [] : [`id: ${id}`]), `event: ${event}`, `data: ${json}`]
  return Buffer.from(`${lines.join('\n')}\n\n`)
}

/** The first frame of a stream. */
export function firstFrame(hello: object): Buffer {
  const retry = Buffer.from(`retry: ${reconnectMs}\n`)
  return Buffer.concat([retry, frameOf('hello', JSON.stringify(hello))])
}

/** Keeps proxies from closing an idle stream, and shows who no longer reads. */
export const commentFrame = Buffer.from(': still here\n\n')
