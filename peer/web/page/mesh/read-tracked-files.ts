import type { Client } from '../api/client.ts'

/** Files shown: each is looked up. */
const filesShown = 12

export interface TrackedFile {
  readonly name: string
  readonly size: number
  readonly sha256: string
  readonly holders: readonly { readonly peerId: string; readonly isSuspect: boolean }[]
}

/** The first files by name, with the peers that have them. @throws Problem; AbortError */
export async function trackedFiles(
  client: Pick<Client, 'call'>,
  signal: AbortSignal,
): Promise<TrackedFile[]> {
  const { files } = await client.call('search', { q: '', limit: filesShown }, signal)
  return await Promise.all(
    files.map(async ({ name, size, sha256 }) => {
      const found = await client.call('lookup', { name }, signal).catch(() => {
        signal.throwIfAborted()
        return { files: [] }
      })
      const sources = found.files.find((file) => file.sha256 === sha256)?.sources ?? []
      const holders = sources.map(({ peerId, isSuspect = false }) => ({ peerId, isSuspect }))
      return { name, size, sha256, holders }
    }),
  )
}
