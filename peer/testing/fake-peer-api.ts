import { createHash } from 'node:crypto'
import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { loadSettings } from '../../common/settings.ts'
import type { CallReply, CallRequest, PeerApi } from '../api/calls.ts'
import type { Peers } from '../api/cluster-shapes.ts'
import type { Download, DownloadedFiles, DownloadRequest } from '../api/download-shapes.ts'
import type {
  ConfirmedDeletes,
  FoundByHash,
  ListedFile,
  Lookup,
  Pushed,
  SearchPage,
  UnsharedPage,
  UnshareRequest,
  Versions,
  Why,
} from '../api/file-shapes.ts'
import type { Limits, LimitsChange } from '../api/limit-shapes.ts'
import { limitKeys } from '../api/limit-table.ts'
import type { Problem, Problems } from '../api/problem-shapes.ts'
import type { KeptFolders, Stats, Status } from '../api/status-shapes.ts'
import { type LimitChanges, limitsAt } from '../limit/limit-schedule.ts'
import { limitSettings, toLimitSettings } from '../limit/limit-settings.ts'
import { FakeCluster } from './fake-cluster.ts'
import { folderOf } from './fake-folder.ts'
import { FakeFollow } from './fake-follow.ts'
import { FakeMembers } from './fake-members.ts'
import { FakeTrash } from './fake-trash.ts'

const schedule = [
  {
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    from: '08:00',
    to: '18:00',
    uploadBytesPerSecond: '2MB',
  },
]
const officeLimits = toLimitSettings(
  loadSettings(limitSettings, {
    environment: {
      TANDEM_LIMITS_UPLOAD_BYTES_PER_SECOND: '20MB',
      TANDEM_LIMITS_SCHEDULE: JSON.stringify(schedule),
    },
  }),
)

const kinds = ['shared', 'downloaded', 'replicated', 'remote'] as const
const otherPeer = { peerId: 'peer2', host: '127.0.0.1', port: 7101 }

/** A peer for tests: files in memory, and downloads that end when the test says so. */
export class FakePeerApi extends FakeCluster implements Partial<PeerApi> {
  readonly files: ListedFile[] = []
  /** Files and folders that are not shared. */
  readonly problemList: Problem[] = []
  readonly following = new FakeFollow()
  readonly followed: PeerApi['followed'] = this.following.followed
  readonly follow: PeerApi['follow'] = this.following.follow
  readonly unfollow: PeerApi['unfollow'] = this.following.unfollow
  /** Members of a secured cluster. */
  readonly secured = new FakeMembers()
  readonly revokeMember: PeerApi['revokeMember'] = this.secured.revokeMember
  readonly joinTokens: PeerApi['joinTokens'] = this.secured.joinTokens
  readonly createJoinToken: PeerApi['createJoinToken'] = this.secured.createJoinToken
  readonly revokeJoinToken: PeerApi['revokeJoinToken'] = this.secured.revokeJoinToken
  /** Deleted files. */
  readonly trashed = new FakeTrash()
  /** Number of entries whose files are missing from shared/. */
  keptFiles = 0
  /** Settings that limit uploads, more so in office hours. */
  readonly limitSettings = officeLimits
  /** Whether downloads end immediately. */
  finishesDownloads = true
  readonly #clock: Clock
  readonly #downloads = new Map<string, Download>()
  #limitChanges: LimitChanges = {}
  #nextId = 1

  constructor(dependencies: { clock: Clock }) {
    super()
    this.#clock = dependencies.clock
  }

  /** As the interface; a call that the fake lacks fails. */
  get api(): PeerApi {
    return this as unknown as PeerApi
  }

  /** Adds a file; its content is its name. */
  add(name: string, kind: ListedFile['kind'] = 'remote', content = name): ListedFile {
    const file: ListedFile = {
      name,
      kind,
      size: Buffer.byteLength(content),
      sha256: sha256(content),
    }
    this.files.push(file)
    return file
  }

  async lookup({ name }: CallRequest<'lookup'>): Promise<Lookup> {
    const files = this.#find(name)
    return {
      name,
      files: files.map(({ sha256, size }) => ({
        sha256,
        size,
        chunkRoot: sha256,
        sources: [{ ...otherPeer, kind: 'shared' as const }],
      })),
    }
  }

  async findContent({ sha256 }: CallRequest<'findContent'>): Promise<FoundByHash> {
    this.check()
    const found = this.files.find((file) => file.sha256 === sha256)
    if (found === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    const { name, size } = found
    return { sha256, name, size }
  }

  async search({ q: query, limit, after }: CallRequest<'search'>): Promise<SearchPage> {
    this.check()
    const part = query.replace(/\*+$/, '').toLowerCase()
    const found = this.files.filter(({ name }) => name.toLowerCase().includes(part))
    const { rows, next } = pageOf(found, limit, after)
    const files = rows.map(({ name, sha256, size }) => ({
      name,
      sha256,
      size,
      modifiedMs: 1_000,
      copies: 2,
    }))
    return { files, ...(next !== undefined && { next }) }
  }

  async folder(request: CallRequest<'folder'>): Promise<CallReply<'folder'>> {
    this.check()
    return folderOf(this.files, request)
  }

  async list({ kind, limit, after }: CallRequest<'list'>): Promise<CallReply<'list'>> {
    this.check()
    const ordered = kinds.flatMap((each) => this.files.filter((file) => file.kind === each))
    const shown = ordered.filter((file) => kind === 'both' || file.kind === kind)
    const { rows, next } = pageOf(shown, limit, after)
    return { files: rows, ...(next !== undefined && { next }) }
  }

  async peers({ limit, after }: CallRequest<'peers'>): Promise<CallReply<'peers'>> {
    this.check()
    const common = { host: '127.0.0.1', copies: 3, bytes: 3_072, freeBytes: 5_000_000_000 }
    const peers: Peers = [
      {
        ...common,
        peerId: 'peer1',
        port: 7100,
        http: { host: '127.0.0.1', port: 8100 },
        state: 'live',
        silentMs: 200,
      },
      { ...common, peerId: 'peer2', port: 7101, state: 'dead', silentMs: 75_000, zone: 'rack 2' },
    ]
    const { rows, ...more } = pageOf(peers, limit, after)
    return { peers: rows, ...more }
  }

  async stats(): Promise<Stats> {
    this.check()
    return {
      peerId: 'peer1',
      uptimeSeconds: 12.5,
      searchSeconds: { count: 3, mean: 0.0123, stdev: 0.0045, min: 0.0089, max: 0.0201 },
      downloadBytesPerSecond: {
        count: 2,
        mean: 204_800,
        stdev: 15_234.5,
        min: 180_000,
        max: 230_000,
      },
      throughputBytesPerSecond: 198_450.5,
      sentBytes: 10,
      receivedBytes: 20,
      files: { shared: 1, downloaded: 0, replicated: 0 },
    }
  }

  async status(): Promise<Status> {
    this.check()
    return {
      peers: { live: 2, suspect: 0, dead: 1 },
      contents: 5,
      atFactor: 4,
      belowFactor: 1,
      tasks: { waiting: 1, running: 0 },
      peer: {
        peerId: 'peer1',
        problems: this.problemList.length,
        ...(await this.keptFolders()),
        view: { scannedMsAgo: 1_000, ignored: 0, scanEveryMs: 30_000 },
      },
    }
  }

  async problems({ limit, after }: CallRequest<'problems'>): Promise<Problems> {
    this.check()
    const { rows, ...more } = pageOf(this.problemList, limit, after)
    return { total: this.problemList.length, problems: rows, ...more }
  }

  async versions({ name, limit, after }: CallRequest<'versions'>): Promise<Versions> {
    const [current, ...replaced] = this.#find(name).map(({ sha256, size }) => ({
      owner: otherPeer.peerId,
      sha256,
      size,
      chunkRoot: sha256,
      modifiedMs: 1_000,
      copies: 1,
    }))
    const versions: Versions['versions'] = replaced.map((version) => ({
      ...version,
      state: 'replaced',
      keptUntilMs: 3_600_000,
    }))
    const all = [...(current ? [{ ...current, state: 'current' as const }] : []), ...versions]
    const { rows, ...more } = pageOf(all, limit, after)
    return { name, versions: rows, ...more }
  }

  readonly trash: PeerApi['trash'] = async (request) => this.#checkedTrash().list(request)
  readonly emptyTrash: PeerApi['emptyTrash'] = async (request) =>
    this.#checkedTrash().empty(request)
  readonly restore: PeerApi['restore'] = async (request) => this.#checkedTrash().restore(request)

  #checkedTrash(): FakeTrash {
    this.check()
    return this.trashed
  }

  async keptFolders(): Promise<KeptFolders> {
    const shared = { folder: 'shared', reason: 'is missing', files: this.keptFiles }
    return { keptFolders: this.keptFiles === 0 ? [] : [shared] }
  }

  async confirmDeletes(): Promise<ConfirmedDeletes> {
    const files = this.keptFiles
    this.keptFiles = 0
    return { files }
  }

  async why({ name }: CallRequest<'why'>): Promise<Why> {
    const problems = this.problemList.filter((problem) => problem.name === name)
    if (problems.length > 0) return { name, contents: [], problems }
    const contents = this.#find(name).map(({ sha256, size }) => ({
      sha256,
      size,
      factor: 2,
      wanted: true,
      copies: [{ peerId: 'peer2', kind: 'shared' as const, name, state: 'live' as const }],
      missing: ['no other live peer has 10 bytes of room'],
    }))
    return { name, contents }
  }

  async startDownload(request: DownloadRequest): Promise<Download> {
    this.check()
    const name = request.pattern === true ? request.name : parseName(request.name)
    const id = `d${this.#nextId++}`
    const download: Download = {
      id,
      name,
      state: 'running',
      bytes: 0,
      size: 10,
      reusedBytes: 0,
      bytesPerSecond: 0,
      sources: [],
    }
    this.#downloads.set(id, download)
    if (this.finishesDownloads) this.finish(id, request.sha256)
    return { ...download }
  }

  /** Ends a download: done if the name is known, failed otherwise. */
  finish(id: string, wanted?: string): void {
    const download = this.#download(id)
    const file = this.files.find(
      ({ name, sha256 }) => name === download.name && sha256 === (wanted ?? sha256),
    )
    if (file === undefined) {
      fail(download, new AppError('NAME_NOT_FOUND', { name: download.name }))
      return
    }
    const { name, sha256, size } = file
    download.state = 'done'
    download.result = {
      name,
      path: `/home/ada/data/peer1/downloaded/${name}`,
      bytes: size,
      reusedBytes: 0,
      seconds: 0.05,
      sha256,
      sources: [otherPeer],
    }
  }

  /** Ends a download of many files. */
  finishFiles(id: string, files: DownloadedFiles): void {
    const download = this.#download(id)
    const { failed, total } = files
    download.files = files
    download.state = 'done'
    if (failed > 0)
      fail(download, new AppError('FILES_FAILED', { pattern: download.name, files: total, failed }))
  }

  async download({ id, waitMs }: CallRequest<'download'>, signal?: AbortSignal): Promise<Download> {
    const download = this.#download(id)
    if (download.state === 'running' && waitMs > 0) await this.#clock.sleep(waitMs, signal)
    return { ...download }
  }

  async downloads({ limit, after }: CallRequest<'downloads'>): Promise<CallReply<'downloads'>> {
    const { rows, ...more } = pageOf([...this.#downloads.values()], limit, after)
    return { downloads: rows.map((download) => ({ ...download })), ...more }
  }

  async pauseDownload({ id }: CallRequest<'pauseDownload'>): Promise<Download> {
    const download = this.#download(id)
    if (download.state === 'running') download.state = 'paused'
    return { ...download }
  }

  async resumeDownload({ id }: CallRequest<'resumeDownload'>): Promise<Download> {
    const download = this.#download(id)
    if (download.state === 'paused') download.state = 'running'
    return { ...download }
  }

  async cancelDownload({ id }: CallRequest<'cancelDownload'>): Promise<void> {
    const download = this.#download(id)
    if (download.state === 'running' || download.state === 'paused')
      fail(download, new AppError('CANCELLED', { what: `The download of '${download.name}'` }))
  }

  async limits(): Promise<Limits> {
    this.check()
    const limits = limitsAt(this.limitSettings, this.#limitChanges, { weekday: 1, minute: 540 })
    const atMs = new Date(2026, 0, 5, 18).getTime()
    return { limits, nextChange: { atMs, limits: { uploadBytesPerSecond: 20_000_000 } } }
  }

  async changeLimits(change: LimitsChange): Promise<Limits> {
    for (const key of limitKeys) {
      const { [key]: _, ...others } = this.#limitChanges
      const value = change[key]
      if (value === null) this.#limitChanges = others
      else if (value !== undefined) this.#limitChanges = { ...others, [key]: value }
    }
    return await this.limits()
  }

  async push({ name, bytes, bytesAnnounced, replace }: CallRequest<'push'>): Promise<Pushed> {
    this.check()
    parseName(name)
    const taken = this.files.find((file) => file.name === name && file.kind === 'shared')
    if (taken !== undefined && !replace && bytesAnnounced !== undefined)
      if (bytesAnnounced !== taken.size) throw new AppError('NAME_EXISTS', { name })
    const hash = createHash('sha256')
    let size = 0
    for await (const piece of bytes) {
      hash.update(piece)
      size += piece.byteLength
    }
    const sha256 = hash.digest('hex')
    const existing = this.files.find((file) => file.name === name && file.kind === 'shared')
    if (existing !== undefined && existing.sha256 !== sha256 && !replace)
      throw new AppError('NAME_EXISTS', { name })
    if (existing !== undefined) Object.assign(existing, { size, sha256 })
    else this.files.push({ name, kind: 'shared', size, sha256 })
    return { name, sha256, size, copies: 1 }
  }

  async unshare({ name, owner, force = false }: CallRequest<'unshare'>): Promise<void> {
    this.check()
    if (owner === 'peer2' && !force) throw new AppError('NOT_OWNER', { name, owner, state: 'live' })
    const index = this.files.findIndex((file) => file.name === name && file.kind === 'shared')
    if (index === -1) throw new AppError('NOT_SHARED', { name })
    this.files.splice(index, 1)
  }

  /** Pages of one file. Knows patterns of the form `folder/**` alone; what is called 'locked' belongs to another. */
  async unshareMatching(request: UnshareRequest): Promise<UnsharedPage> {
    this.check()
    const folder = request.pattern.replace(/\*\*$/, '')
    const matching = this.files.filter(
      ({ name, kind }) => kind === 'shared' && name.startsWith(folder),
    )
    const [first] = matching.filter(({ name }) => name > (request.after ?? ''))
    if (first === undefined) return { unshared: 0, failures: [] }
    const { name } = first
    if (name.includes('locked') && request.force !== true) {
      const { code, message } = new AppError('NOT_OWNER', { name, owner: 'peer2', state: 'live' })
      return { unshared: 0, failures: [{ name, code, message }], next: name }
    }
    this.files.splice(this.files.indexOf(first), 1)
    return { unshared: 1, failures: [], next: name }
  }

  #find(name: string): ListedFile[] {
    this.check()
    const wanted = parseName(name)
    const found = this.files.filter((file) => file.name === wanted)
    if (found.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
    return found
  }

  #download(id: string): Download {
    const download = this.#downloads.get(id)
    if (download === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id })
    return download
  }
}

function fail(download: Download, error: AppError): void {
  const { code, message, retryable, details } = error
  download.state = 'failed'
  download.error = { code, message, retryable, details: { ...details } }
}

function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  after = '0',
): { rows: Row[]; next?: string } {
  const start = Number(after)
  if (Number.isNaN(start))
    throw new AppError('BAD_REQUEST', { path: '/after', reason: 'no cursor' })
  const end = start + limit
  return { rows: rows.slice(start, end), ...(end < rows.length && { next: String(end) }) }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
