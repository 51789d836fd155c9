/** Reads the copies of a peer again, and repairs its damaged files. */
import { join, resolve } from 'node:path'
import type { CopyKey } from '../common/protocol/messages.ts'
import { type RepairSource, Repairs } from './download/repairs.ts'
import type { Fetcher } from './fetch/fetcher.ts'
import type { Finder } from './find/finder.ts'
import type { PeerDependencies } from './join-cluster.ts'
import type { Limiter } from './limit/limiter.ts'
import type { ScrubCopies } from './scrub/scrub-copies.ts'
import { Scrubber } from './scrub/scrubber.ts'
import type { PeerSettings } from './settings.ts'
import type { Share } from './share/share.ts'

/** Both are stopped with `starting`. */
export async function startScrubbing(
  { data, scrubDays }: Pick<PeerSettings, 'data' | 'scrubDays'>,
  starting: AsyncDisposableStack,
  {
    share,
    finder,
    fetcher,
    limiter,
  }: { share: Share; finder: Finder; fetcher: Fetcher; limiter: Limiter },
  dependencies: PeerDependencies,
): Promise<{ repairs: Repairs; scrubber: Scrubber }> {
  const repairing = { finder, fetcher, shelf: share, source: repairSource(share) }
  const repairs = starting.use(new Repairs({ ...dependencies, ...repairing }))
  const { uploads, downloads } = limiter
  const scrubber = await Scrubber.open(
    { path: join(resolve(data), '.tandem', 'scrub.json'), days: scrubDays },
    {
      ...dependencies,
      copies: scrubCopies(share),
      peoplesBytes: () => uploads.passedBytes.download + downloads.passedBytes.download,
      bytesPerSecondMax: () => limiter.scrubBytesPerSecond,
    },
  )
  return { repairs, scrubber: starting.use(scrubber) }
}

function scrubCopies(share: Share): ScrubCopies {
  return {
    ready: share.ready,
    get lastSeq() {
      return share.catalog.lastSeq
    },
    get amount() {
      const totals = Object.values(share.totals())
      return {
        bytes: totals.reduce((sum, { bytes }) => sum + bytes, 0),
        files: totals.reduce((sum, { count }) => sum + count, 0),
      }
    },
    next(afterSeq, lastSeq) {
      const entry = share.next(afterSeq, lastSeq)
      if (entry === undefined) return undefined
      const { kind, name, owner, path } = entry.at
      return { seq: entry.seq, path, name, folder: kind, ...(owner !== undefined && { owner }) }
    },
    read: ({ path }, options) => share.readCopy(path, options),
  }
}

function repairSource(share: Share): RepairSource {
  return {
    damaged: (afterSeq, limit) =>
      share.damaged(afterSeq, limit).map(({ seq, at, content, damage }) => ({
        seq,
        key: keyOf(at),
        path: at.path,
        content,
        foundMs: damage.foundMs,
      })),
    damagedCalled: (key) => {
      const entry = share.get(key)
      if (entry === undefined || !share.isDamaged(entry)) return undefined
      return { key, path: entry.at.path, content: entry.content, foundMs: 0 }
    },
    setAside: (key) => share.setAside(key),
    onChange: (listener) => share.onDamage(listener),
  }
}

function keyOf({ kind, name, owner, version }: CopyKey): CopyKey {
  const ofOwner = owner === undefined ? {} : { owner }
  return { kind, name, ...ofOwner, ...(version !== undefined && { version }) }
}
