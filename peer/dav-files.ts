/** What WebDAV needs of a peer, besides what the doors for files do: it changes shared/. */
import { join } from 'node:path'
import type { ByteRange } from '../common/content/chunks.ts'
import { AppError, hasCode } from '../common/errors.ts'
import type { Random } from '../common/random.ts'
import type { PeerApi } from './api/calls.ts'
import type { Finder } from './find/finder.ts'
import type { Restorer } from './replicate/restorer.ts'
import type { Share } from './share/share.ts'
import type { DavFiles } from './web/dav/dav-door.ts'
import type { FileSources } from './web/files/file-sources.ts'

export interface DavFilesParts {
  readonly random: Random
  readonly api: Pick<PeerApi, 'push'>
  readonly share: Share
  readonly finder: Pick<Finder, 'lookup' | 'share'>
  readonly restorer: Pick<Restorer, 'restore'>
  readonly sources: FileSources
}

const rawReadBytes = 256 * 1_024

/** @param folder of the peer's own files */
export function davFiles(folder: string, parts: DavFilesParts): DavFiles {
  const { api, share, finder, restorer, random, sources } = parts
  const { tree } = share
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
      reshare: async (request) => await shareAgain(await tree.unsharedTargets(request)),
      move: (request) => tree.move(request),
      copy: async (request) => {
        await shareAgain(ifUnshared(request.to))
        await tree.copy(request)
      },
    },
    random,
    sources,
    propertiesPath: join(folder, 'dav.db'),
    store: async (file, signal) => {
      // What is ignored stays on this peer: editors write such files beside the ones they edit.
      if (share.ignoredBy(file.name) !== undefined)
        return await tree.keep(file.bytes, { ...file, signal })
      const { modifiedMs, ...rest } = file
      const times = modifiedMs === undefined ? {} : { modifiedMs }
      await api.push({ ...rest, ...times, wait: false }, signal)
    },
    fetchCopy: async ({ from, sha256, to, replace }, signal) => {
      const found = await finder.lookup(from, signal, sha256)
      const content = found.find((one) => one.sha256 === sha256)
      if (content === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
      await shareAgain(ifUnshared(to))
      try {
        await restorer.restore({ name: to, content, replace })
      } catch (error) {
        throw isTaken(error) ? new AppError('NAME_EXISTS', { name: to }, { cause: error }) : error
      }
    },
    readUnread: (name, range) => unreadBytes(name, range, share),
  }
}

/** A restoration reports a name that is in use as blocked. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && hasCode(error.cause, 'NAME_EXISTS')
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
