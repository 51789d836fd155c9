/** What the doors for files read: the share, and the other peers. */
import { readChunkList } from './fetch/stream/read-chunk-list.ts'
import { ProvedClaims, readInOrder } from './fetch/stream/read-in-order.ts'
import type { Finder } from './find/finder.ts'
import type { Limiter } from './limit/limiter.ts'
import type { Fetching } from './open-fetching.ts'
import { cut, gated } from './serve/file-bytes.ts'
import type { Serving } from './serve/start-serving.ts'
import type { PeerSettings } from './settings.ts'
import type { Share } from './share/share.ts'
import type { FileSources } from './web/files/file-sources.ts'

interface Parts {
  readonly share: Pick<Share, 'first' | 'chunkList'>
  readonly serving: Pick<Serving, 'reads'>
  readonly finder: Pick<Finder, 'lookup' | 'folder'>
  readonly limiter: Pick<Limiter, 'uploads'>
}

export function fileSources(
  { peerId, zone }: Pick<PeerSettings, 'peerId' | 'zone'>,
  { share, serving, finder, limiter }: Parts,
  reading: Fetching['reading'],
): FileSources {
  const proving = { ...reading, proved: new ProvedClaims() }
  return {
    peerId,
    zone,
    clock: reading.clock,
    local(sha256) {
      const file = share.first(sha256)
      const chunkList = share.chunkList(sha256)
      if (file === undefined || chunkList === undefined) return undefined
      const modifiedMs = Number(file.stat.mtimeNs / 1_000_000n)
      return { content: file.content, modifiedMs, chunkList }
    },
    readLocal: (request) => serving.reads.pieces(request),
    async readOthers({ name, sha256, range, found, write, signal, isSent = true }) {
      // Not from this peer itself: it has no good copy, whatever the index knows.
      const others = found.map(({ sources, ...content }) => ({
        ...content,
        sources: sources.filter((source) => source.peerId !== peerId),
      }))
      const gate = { purpose: 'download', signal } as const
      const send = async (bytes: Uint8Array): Promise<void> => {
        for await (const part of gated(cut(bytes), gate, limiter.uploads)) await write(part)
      }
      const isWhole = range.start === 0 && range.bytes === found[0]?.size
      await readInOrder(
        {
          name,
          sha256,
          range: isWhole ? undefined : range,
          signal,
          lookup: async () => others,
          write: isSent ? send : write,
        },
        proving,
      )
    },
    chunkListOf: (content, name, signal) => readChunkList(content, name, reading, signal),
    lookup: (name, signal, sha256) => finder.lookup(name, signal, sha256),
    folder: (request, signal) => finder.folder(request, signal),
  }
}
