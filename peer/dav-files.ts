/** What WebDAV needs of a peer: storing files in shared/, and reading those of the cluster. */
import { join } from 'node:path'
import type { ByteRange } from '../common/content/chunks.ts'
import { AppError } from '../common/errors.ts'
import type { PeerApi } from './api/calls.ts'
import type { WriteBytes } from './fetch/stream/ordered-output.ts'
import { ProvedClaims, type ReadDependencies, readInOrder } from './fetch/stream/read-in-order.ts'
import type { Finder } from './find/finder.ts'
import type { Limiter } from './limit/limiter.ts'
import type { Restorer } from './replicate/restorer.ts'
import type { Share } from './share/share.ts'
import { verifiedBytes } from './share/verified-bytes.ts'
import type { DavFiles } from './web/dav/dav-door.ts'

export interface DavFilesParts extends ReadDependencies {
  readonly api: Pick<PeerApi, 'push'>
  readonly share: Share
  readonly finder: Pick<Finder, 'lookup' | 'share'>
  readonly restorer: Pick<Restorer, 'restore'>
  readonly limiter: Pick<Limiter, 'uploads'>
}

const rawReadBytes = 256 * 1_024

/** @param folder of the peer's own files */
export function davFiles(folder: string, parts: DavFilesParts): DavFiles {
  const { api, share, finder, restorer, random } = parts
  const { tree } = share
  const remote = { ...parts, proved: new ProvedClaims() }
  // The index must first revoke an unshare, or it would ignore the announcement.
  const shareAgain = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await finder.share(name)
  }
  const ifUnshared = (name: string): string[] => (share.isUnshared(name) ? [name] : [])
  return {
    tree: {
      goneNames: () => tree.goneNames(),
      list: (folderName) => tree.list(folderName),
      look: (name) => tree.look(name),
      room: () => tree.room(),
      makeFolder: (name) => tree.makeFolder(name),
      remove: (name) => tree.remove(name),
      move: async (request) => {
        await shareAgain(await tree.unsharedTargets(request))
        await tree.move(request)
      },
      copy: async (request) => {
        await shareAgain(ifUnshared(request.to))
        await tree.copy(request)
      },
    },
    random,
    propertiesPath: join(folder, 'dav.db'),
    store: async (file, signal) => {
      // What is ignored stays on this peer: editors write such files beside the ones they edit.
      if (share.ignoredBy(file.name) !== undefined)
        return await tree.keep(file.bytes, { ...file, signal })
      const { modifiedMs, ...rest } = file
      const times = modifiedMs === undefined ? {} : { modifiedMs }
      await api.push({ ...rest, ...times, replace: true, wait: false }, signal)
    },
    fetchCopy: async ({ from, sha256, to }, signal) => {
      const found = await finder.lookup(from, signal, sha256)
      const content = found.find((one) => one.sha256 === sha256)
      if (content === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
      await shareAgain(ifUnshared(to))
      await restorer.restore({ name: to, content, replace: true })
    },
    read: ({ name, sha256, size }, range, signal) =>
      sha256 === undefined
        ? unreadBytes(name, range, share)
        : contentBytes({ name, sha256, size }, range, signal, { ...parts, ...remote }),
  }
}

/** A file of this peer that nothing is known of. */
async function* unreadBytes(
  name: string,
  { start, bytes }: ByteRange,
  { tree }: Pick<Share, 'tree'>,
): AsyncGenerator<Uint8Array> {
  await using file = await tree.open(name)
  for (let done = 0; done < bytes; ) {
    const piece = Buffer.allocUnsafe(Math.min(rawReadBytes, bytes - done))
    const count = await file.read(piece, start + done)
    if (count === 0) throw new AppError('CONTENT_CHANGED', { name })
    yield piece.subarray(0, count)
    done += count
  }
}

/** From a file of this peer, or else from other peers. */
async function* contentBytes(
  { name, sha256 }: { name: string; sha256: string; size: number },
  range: ByteRange,
  signal: AbortSignal,
  parts: DavFilesParts,
): AsyncGenerator<Uint8Array> {
  const { share, finder, limiter } = parts
  const chunkList = share.chunkList(sha256)
  let hasBegun = false
  for (const entry of chunkList === undefined ? [] : share.find(sha256))
    try {
      for await (const piece of verifiedBytes(entry, chunkList ?? new Uint8Array(), range)) {
        await limiter.uploads.pass(piece.length, 'download', signal)
        hasBegun = true
        yield piece
      }
      return
    } catch (error) {
      share.recheck(entry.at.path)
      if (hasBegun || signal.aborted) throw error
    }
  const lookup = finder.lookup.bind(finder)
  yield* handedOver(async (write) => {
    await readInOrder({ name, sha256, range, signal, lookup, write }, parts)
  })
}

/** What `run` writes, piece by piece: the next is taken when the consumer asks for it. */
async function* handedOver(run: (write: WriteBytes) => Promise<void>): AsyncGenerator<Uint8Array> {
  const pieces = new TransformStream<Uint8Array, Uint8Array>()
  const writer = pieces.writable.getWriter()
  const running = run(async (bytes) => {
    await writer.ready
    await writer.write(Buffer.from(bytes))
  }).then(
    () => writer.close(),
    (error: unknown) => writer.abort(error),
  )
  yield* pieces.readable
  await running
}
