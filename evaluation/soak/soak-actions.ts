/** What the soak does to files, like users: through the API, or in the folder itself. */
import { createHash } from 'node:crypto'
import { mkdir, rename, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, systemErrorCode, toAppError } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { ExpectedFile, ExpectedFiles } from './expected-files.ts'
import type { SoakCluster } from './soak-cluster.ts'
import { type ActionKind, nextAbsenceMs, nextSize } from './soak-plan.ts'
import type { SoakReport } from './soak-report.ts'
import { soakSettings } from './soak-settings.ts'

export interface SoakWorld {
  readonly cluster: SoakCluster
  readonly files: ExpectedFiles
  readonly random: Random
  readonly report: SoakReport
}

/** A push or download that takes longer, while processes die around it, is given up. */
const actionDeadlineMs = 30_000

/**
 * Runs one action; resolves when it has ended, successfully or not. Does nothing if no file is
 * available.
 */
export async function act(kind: ActionKind, world: SoakWorld): Promise<void> {
  const { cluster, random } = world
  const absenceMs = nextAbsenceMs(random, soakSettings.index.deadAfterMs)
  const peer = pick(
    cluster.running.filter((one) => !cluster.isAway(one)),
    random,
  )
  if (peer === undefined) return
  switch (kind) {
    case 'push':
      return await push(peer, world)
    case 'edit':
      return await withFile(kind, world, (file) => edit(file, world))
    case 'rename':
      return await withFile(kind, world, (file) => renameFile(file, world))
    case 'rename-folder':
      return await renameFolder(peer.name, world)
    case 'delete':
      return await withFile(kind, world, (file) => deleteFile(file, world))
    case 'download':
      return await download(peer, world)
    case 'download-folder':
      return await downloadFolder(peer, world)
    case 'kill-peer':
      return await takeDown(kind, peer, 'SIGKILL', absenceMs, world)
    case 'restart-peer':
      return await takeDown(kind, peer, 'SIGTERM', absenceMs, world)
    case 'kill-index':
      return await takeDown(kind, cluster.index, 'SIGKILL', absenceMs, world)
    case 'restart-index':
      return await takeDown(kind, cluster.index, 'SIGTERM', absenceMs, world)
    case 'take-folder-away':
      world.report.note(kind, `${peer.name} for ${absenceMs} ms`)
      return await cluster.takeFolderAway(peer, absenceMs)
  }
}

/** Edits an acknowledged file in its owner's folder. */
export async function edit(file: ExpectedFile, world: SoakWorld): Promise<void> {
  const { random, report, files } = world
  const bytes = random.bytes(nextSize(random))
  const path = pathOf(file, world)
  const isInPlace = random.fraction() < 0.5
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (isInPlace) await writeFile(path, bytes)
  else await replaceFile(path, bytes)
  files.change(file, { sha256 })
  report.note('edit', `${file.name} ${isInPlace ? 'in place' : 'by rename'}, ${bytes.length} bytes`)
}

async function push(peer: TandemProcess, world: SoakWorld): Promise<void> {
  const { random, report, files } = world
  const name = files.newName(peer.name, random)
  const bytes = random.bytes(nextSize(random))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (random.fraction() < 0.4) return await put({ owner: peer.name, name, bytes, sha256 }, world)
  using api = apiOf(peer)
  files.pushed.add(name)
  const outcome = await attempt(async (signal) => {
    // oxlint-disable-next-line typescript/require-await -- a stream of one piece
    const stream = (async function* () {
      yield bytes
    })()
    await api.push({ name, bytes: stream, replace: false, wait: true }, signal)
  })
  files.pushed.delete(name)
  if (outcome === 'done') files.add(peer.name, name, sha256)
  report.note('push', `${name}, ${bytes.length} bytes: ${outcome}`)
}

/** Puts a file into the folder itself, unless the folder was just moved away. */
async function put(
  file: { owner: string; name: string; bytes: Buffer; sha256: string },
  { files, report, cluster }: SoakWorld,
): Promise<void> {
  const { owner, name, bytes, sha256 } = file
  const path = join(cluster.sharedFolder(owner), name)
  try {
    // Not recursive: this function must not create the shared folder itself.
    await mkdir(dirname(path)).catch(ignoreExisting)
    await writeFile(path, bytes)
    files.add(owner, name, sha256)
    report.note('put', `${name}, ${bytes.length} bytes`)
  } catch (error) {
    report.note('put', `${name}: ${toAppError(error).message}`)
  }
}

function ignoreExisting(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error
}

async function renameFile(file: ExpectedFile, world: SoakWorld): Promise<void> {
  const { files, random, report } = world
  const name = files.newName(file.owner, random)
  const [from, to] = [pathOf(file, world), pathOf({ ...file, name }, world)]
  await mkdir(dirname(to)).catch(ignoreExisting)
  await rename(from, to)
  report.note('rename', `${file.name} to ${name}`)
  files.change(file, { name })
}

async function renameFolder(owner: string, world: SoakWorld): Promise<void> {
  const { files, report, cluster } = world
  const mine = files.of(owner)
  const folder = mine.find(({ isBusy }) => !isBusy)?.name.split('/')[0]
  const inside = mine.filter(({ name }) => name.startsWith(`${folder ?? ''}/`))
  if (folder === undefined || inside.some(({ isBusy }) => isBusy)) return
  // A file that is being pushed would move along, and be expected under its old name.
  if ([...files.pushed].some((name) => name.startsWith(`${folder}/`))) return
  const target = `${folder}-${inside[0]?.sha256.slice(0, 6) ?? ''}`
  const shared = cluster.sharedFolder(owner)
  for (const file of inside) file.isBusy = true
  try {
    await rename(join(shared, folder), join(shared, target))
    for (const file of inside)
      files.change(file, { name: file.name.replace(`${folder}/`, `${target}/`) })
    report.note('rename-folder', `${folder} to ${target}, ${inside.length} files`)
  } catch (error) {
    report.note('rename-folder', `${folder}: ${toAppError(error).message}`)
  } finally {
    for (const file of inside) file.isBusy = false
  }
}

async function deleteFile(file: ExpectedFile, world: SoakWorld): Promise<void> {
  await unlink(pathOf(file, world))
  world.files.remove(file)
  world.report.note('delete', file.name)
}

async function download(peer: TandemProcess, world: SoakWorld): Promise<void> {
  const { files, random, report } = world
  const file = files.pick(random)
  if (file === undefined) return
  const { name } = file
  using api = apiOf(peer)
  const outcome = await attempt(async (signal) => {
    signal.throwIfAborted()
    const { path, sha256 } = await downloadToEnd(api, { name })
    const found = (await hashFile(path)).content.sha256
    if (found !== sha256 || !file.contents.has(found))
      report.violation(`${peer.name} downloaded ${name} with content ${found}, said ${sha256}`)
    // While all peers that have the current version are away, a kept one is offered.
    else if (!file.history.some((version) => version.sha256 === found))
      report.note('download-of-kept-version', `${name} to ${peer.name}: ${found}`)
  })
  report.note('download', `${name} to ${peer.name}: ${outcome}`)
}

async function downloadFolder(peer: TandemProcess, world: SoakWorld): Promise<void> {
  const folder = world.files.pick(world.random)?.name.split('/')[0]
  if (folder === undefined) return
  using api = apiOf(peer)
  const request = { name: `${folder}/**`, pattern: true, wait: false }
  const outcome = await attempt(async (signal) => {
    const { id } = await api.startDownload(request, signal)
    await api.download({ id, waitMs: actionDeadlineMs }, signal)
  })
  world.report.note('download-folder', `${folder} to ${peer.name}: ${outcome}`)
}

async function takeDown(
  kind: ActionKind,
  process: TandemProcess,
  signal: 'SIGKILL' | 'SIGTERM',
  absenceMs: number,
  { cluster, report }: SoakWorld,
): Promise<void> {
  if (cluster.isAway(process)) return
  report.note(kind, `${process.name} for ${absenceMs} ms`)
  await cluster.takeDown(process, signal, absenceMs)
}

/** Runs an action on a file whose owner's folder exists, excluding other actions meanwhile. */
async function withFile(
  kind: ActionKind,
  { files, random, cluster, report }: SoakWorld,
  work: (file: ExpectedFile) => Promise<void>,
): Promise<void> {
  const file = files.pick(random)
  if (file === undefined || cluster.isAway(cluster.peerNamed(file.owner))) return
  file.isBusy = true
  try {
    await work(file)
  } catch (error) {
    // The folder was moved away after the check.
    report.note(kind, `${file.name}: ${toAppError(error).message}`)
  } finally {
    file.isBusy = false
  }
}

/** Runs work that may fail while processes die; describes how it ended. */
async function attempt(work: (signal: AbortSignal) => Promise<void>): Promise<string> {
  const deadline = { what: 'The action', deadlineMs: actionDeadlineMs }
  try {
    await withDeadline(deadline, systemClock, work)
    return 'done'
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

function pathOf({ owner, name }: Pick<ExpectedFile, 'owner' | 'name'>, world: SoakWorld): string {
  return join(world.cluster.sharedFolder(owner), name)
}

async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  // Like an editor: writes a hidden file beside the old one and renames it over.
  const beside = join(dirname(path), `.${basename(path)}.tmp`)
  await writeFile(beside, bytes)
  await rename(beside, path)
}

function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random.fraction() * items.length)]
}
