/**
 * Compares the expected state of the cluster with the actual one, once everything is back and idle.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import { downloadAndHash } from '../system/download-check.ts'
import type { DiskContents } from './disk-contents.ts'
import type { OrphanedFile } from './expected-files.ts'
import { type KnownCopy, knownCopies } from './known-copies.ts'
import type { SoakWorld } from './soak-actions.ts'
import { memoryBytesMax } from './soak-settings.ts'

const settleDeadlineMs = 120_000
const lookEveryMs = 500
const factor = 2
const explainedMax = 5

export async function checkpoint(world: SoakWorld, disks: DiskContents): Promise<void> {
  const { cluster, files, report } = world
  await cluster.bringAllBack()
  await settle(world)
  const suspects = await checkDisks(world, disks)
  await settle(world)
  // A drop may have been carried out but not announced when the index was stopped.
  if (suspects.size > 0) {
    const found = await checkDisks(world, disks)
    for (const suspect of suspects) if (found.has(suspect)) report.violation(suspect)
    await settle(world)
  }
  await checkLookups(world)
  for (const orphan of files.orphans) await checkOrphan(orphan, world)
  await checkMemory(world)
  await checkLogs(world)
  files.settle()
  const { all, orphans } = files
  report.progress(
    `checkpoint: ${all.length} files, ${orphans.length} of lost disks, ${report.violations.length} violations`,
  )
}

/**
 * Waits until all peers are live, all files at their factor and not above it, and the owners' last
 * changes known, at two looks in a row: a peer that has just returned may have brought surplus copies.
 */
async function settle(world: SoakWorld): Promise<void> {
  const { cluster, report, files } = world
  const [peer] = cluster.running
  if (peer === undefined) throw new Error('no peer runs')
  using api = apiOf(peer)
  const deadlineMs = systemClock.monotonicMs() + settleDeadlineMs
  let last = 'there was no answer'
  let looksAtRest = 0
  while (systemClock.monotonicMs() < deadlineMs) {
    try {
      // Files below their factor are checked by name: a file that was renamed, edited or deleted
      // before it had a second copy stays below, since its owner may have lost the disk.
      const { peers, belowFactor, aboveFactor = 0, tasks } = await api.status()
      last = JSON.stringify({ peers, belowFactor, aboveFactor, tasks })
      const isIdle = tasks.running === 0 && aboveFactor === 0
      const isSteady = peers.live === cluster.peers.length && isIdle
      const missing = isSteady ? await firstUnknown(api, files.all) : undefined
      if (missing !== undefined)
        last = `${missing} is not known with its last content and ${factor} copies`
      looksAtRest = isSteady && missing === undefined ? looksAtRest + 1 : 0
      if (looksAtRest === 2) return
    } catch (error) {
      last = reasonOf(error)
      looksAtRest = 0
    }
    await systemClock.sleep(lookEveryMs)
  }
  report.violation(`not at rest ${settleDeadlineMs} ms after everything was back: ${last}`)
  await explain(api, world)
}

/** Records why the first few files lack copies, or have too many. */
async function explain(api: PeerApi, { report }: SoakWorld): Promise<void> {
  const found = await api.search({ q: '', limit: limits.pageRowsMax })
  let explained = 0
  for (const name of new Set(found.files.map((file) => file.name))) {
    const { contents } = await api.why({ name }).catch(() => ({ contents: [] }))
    const missing = contents.flatMap(({ missing, surplus }) =>
      surplus === undefined ? missing : [...missing, surplus],
    )
    if (missing.length === 0 || explained++ === explainedMax) continue
    report.progress(`why ${name}: ${JSON.stringify(contents)}`)
  }
}

async function firstUnknown(
  api: PeerApi,
  files: SoakWorld['files']['all'],
): Promise<string | undefined> {
  for (const { name, sha256 } of files) {
    const found = await api.lookup({ name }).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'NAME_NOT_FOUND') return { files: [] }
      throw error
    })
    const sources = found.files.find((file) => file.sha256 === sha256)?.sources ?? []
    if (sources.length < factor) return name
  }
  return undefined
}

type PeerContents = ReadonlyMap<string, { shared: Map<string, string>; all: Set<string> }>

async function contentsOfPeers({ cluster }: SoakWorld, disks: DiskContents): Promise<PeerContents> {
  const found = new Map<string, { shared: Map<string, string>; all: Set<string> }>()
  for (const { name, dataFolder } of cluster.peers) {
    const files = await disks.below(dataFolder)
    const shared = files.filter((file) => file.name.startsWith('shared/'))
    found.set(name, {
      shared: new Map(shared.map((file) => [file.name.slice('shared/'.length), file.sha256])),
      all: new Set(files.map(({ sha256 }) => sha256)),
    })
  }
  return found
}

function checkSharedFiles({ files, report }: SoakWorld, onDisk: PeerContents): void {
  for (const { owner, name, sha256 } of files.all) {
    const found = onDisk.get(owner)?.shared.get(name)
    if (found === sha256) continue
    report.violation(`${name} of ${owner} is ${found ?? 'gone'} on its disk, not ${sha256}`)
  }
}

/** Every lookup must return the last content with as many sources as copies. */
async function checkLookups({ cluster, files, report }: SoakWorld): Promise<void> {
  const [peer] = cluster.running
  if (peer === undefined) throw new Error('no peer runs')
  using api = apiOf(peer)
  const check = async ({ name, sha256 }: { name: string; sha256: string }): Promise<void> => {
    try {
      const found = (await api.lookup({ name })).files
      const sources = found.find((file) => file.sha256 === sha256)?.sources ?? []
      if (sources.length < factor)
        report.violation(`${name} has ${sources.length} sources for ${sha256}`)
    } catch (error) {
      report.violation(`${name} cannot be looked up: ${reasonOf(error)}`)
    }
  }
  await inParallel(files.all, 8, check)
}

/**
 * For a file whose owner lost its disk, one version since the last checkpoint must be available.
 */
async function checkOrphan(orphan: OrphanedFile, { cluster, report }: SoakWorld): Promise<void> {
  const peer = cluster.running.at(-1)
  if (peer === undefined) throw new Error('no peer runs')
  const failures: string[] = []
  for (const { name, sha256 } of orphan.versions) {
    try {
      const { sha256OnDisk } = await downloadAndHash(peer, { name, sha256, wait: false })
      if (sha256OnDisk === sha256) return
      failures.push(`${name}: got ${sha256OnDisk}`)
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`)
    }
  }
  report.violation(`no version of ${orphan.versions[0]?.name} is left: ${failures.join('; ')}`)
}

/**
 * Compares the stopped index with the disks: nothing is copied or dropped meanwhile.
 * @returns wrong copies that the index counts, and replicas beyond the factor, one sentence each
 */
async function checkDisks(world: SoakWorld, disks: DiskContents): Promise<Set<string>> {
  const { cluster } = world
  const suspects = new Set<string>()
  await cluster.index.kill('SIGTERM')
  try {
    const copies = knownCopies(cluster.index.dataFolder)
    const onDisk = await contentsOfPeers(world, disks)
    checkSharedFiles(world, onDisk)
    for (const { peerId, name, sha256 } of copies) {
      const disk = onDisk.get(peerId)
      if (disk === undefined || disk.all.has(sha256)) continue
      suspects.add(`${peerId} does not have ${name} with ${sha256}, which the index counts`)
    }
    for (const surplus of surplusOf(copies, new Set(onDisk.keys()))) suspects.add(surplus)
  } finally {
    await cluster.index.start()
  }
  return suspects
}

/** Wanted contents with more replicas than they need beside the copies that users have. */
function surplusOf(copies: readonly KnownCopy[], peers: ReadonlySet<string>): string[] {
  const counted = copies.filter(({ peerId, isWanted }) => isWanted && peers.has(peerId))
  return [...Map.groupBy(counted, ({ contentId }) => contentId).values()].flatMap((ofContent) => {
    const peersWith = (isReplica: boolean): string[] => [
      ...new Set(
        ofContent
          .filter(({ kind }) => (kind === 'replicated') === isReplica)
          .map(({ peerId }) => peerId),
      ),
    ]
    const [replicas, others] = [peersWith(true), peersWith(false)]
    if (replicas.length <= Math.max(0, factor - others.length)) return []
    const { name, sha256 } = ofContent[0] ?? {}
    return `${name} with ${sha256} has replicas on ${replicas.join(', ')} beside copies on '${others.join(', ')}'`
  })
}

async function checkMemory({ cluster, report }: SoakWorld): Promise<void> {
  await cluster.recordMemory()
  for (const [name, bytes] of cluster.peakBytes)
    if (bytes > memoryBytesMax)
      report.violation(`${name} took ${Math.round(bytes / 2 ** 20)} MiB of memory`)
}

/** Errors that the soak itself causes, by their log text. */
const expectedErrors: readonly string[] = [
  // A shared/ that was moved away.
  'a folder cannot be used',
]

async function checkLogs({ cluster, report }: SoakWorld): Promise<void> {
  const seen = new Set<string>()
  const entries = await readdir(cluster.logFolder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile() && one.name.endsWith('.log'))) {
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8')
    for (const line of text.split('\n')) {
      if (!line.startsWith('{"level":"error"')) continue
      const { msg } = JSON.parse(line) as { msg: string }
      if (expectedErrors.includes(msg) || seen.has(msg)) continue
      seen.add(msg)
      report.violation(`error in a log: ${line.slice(0, 600)}`)
    }
  }
}
