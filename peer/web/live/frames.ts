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

/** Rows of one event: enough that frames are few, and so few that none is long to serialize or parse. */
const rowsBytesMax = 64 * 1_024

/**
 * Rows that changed, and ids of those that are gone, as at least one frame of about 64 KiB at most.
 * A client that takes one after the other ends with the same rows.
 * @param changed rows as JSON
 */
export function rowsFrames(
  event: 'downloads' | 'peers',
  changed: readonly string[],
  removed: readonly string[],
): Buffer[] {
  const frames: Buffer[] = []
  let ids = removed
  let rows: string[] = []
  let bytes = 0
  const finish = (): void => {
    const json = `{"changed":[${rows.join()}],"removed":${JSON.stringify(ids)}}`
    frames.push(frameOf(event, json))
    ids = []
    rows = []
    bytes = 0
  }
  for (const row of changed) {
    const rowBytes = Buffer.byteLength(row)
    if (rows.length > 0 && bytes + rowBytes > rowsBytesMax) finish()
    rows.push(row)
    bytes += rowBytes
  }
  finish()
  return frames
}

/** The first frame of a stream. */
export function firstFrame(hello: object): Buffer {
  const retry = Buffer.from(`retry: ${reconnectMs}\n`)
  return Buffer.concat([retry, frameOf('hello', JSON.stringify(hello))])
}

/** Keeps proxies from closing an idle stream, and shows who no longer reads. */
export const commentFrame = Buffer.from(': still here\n\n')
