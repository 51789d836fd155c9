import type { Client } from '../api/client.ts'
import { problemOf, unreachable } from '../api/problem.ts'
import { exactQuery } from './exact-query.ts'
import type { Copies, NewFile, SendOptions } from './upload-queue.ts'

/**
 * Sends a file as the call `push`. By XMLHttpRequest: `fetch` tells nothing about the progress of a
 * request.
 * @throws Problem, AbortError
 */
export async function sendFile(
  { name, file }: NewFile,
  { replace, onProgress, signal }: SendOptions,
): Promise<{ sha256: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ sha256: string }>()
  const request = new XMLHttpRequest()
  const query = new URLSearchParams({ name, replace: String(replace) })
  request.open('POST', `/api/files?${query.toString()}`)
  request.setRequestHeader('content-type', 'application/octet-stream')
  request.responseType = 'json'
  request.upload.addEventListener('progress', ({ loaded }) => onProgress(loaded))
  request.addEventListener('load', () => {
    const { status, response } = request as { status: number; response: unknown }
    if (status === 201) resolve(response as { sha256: string })
    else reject(problemOf(status, response))
  })
  request.addEventListener('error', () => reject(unreachable()))
  request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')))
  const abort = (): void => request.abort()
  signal.addEventListener('abort', abort)
  request.send(file)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Contents of one name that are looked through. */
const contentsMax = 100

/** Where the copies of a content are now; undefined while the index does not know it. */
export async function copiesOf(
  client: Client,
  name: string,
  sha256: string,
): Promise<Copies | undefined> {
  const { files } = await client.call('search', { q: exactQuery(name), limit: contentsMax })
  if (!files.some((file) => file.sha256 === sha256)) return undefined
  const { contents } = await client.call('why', { name })
  const found = contents.find((content) => content.sha256 === sha256)
  if (found === undefined) return undefined
  const holders = found.copies.filter(
    ({ state, damaged, unproven }) => state === 'live' && damaged !== true && unproven !== true,
  )
  return { factor: found.factor, peers: [...new Set(holders.map(({ peerId }) => peerId))] }
}
