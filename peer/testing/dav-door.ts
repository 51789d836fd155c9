/** A peer with WebDAV, for tests. */
import { readFile } from 'node:fs/promises'
import type { OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import type { ByteRange } from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { Web } from '../web/routes.ts'
import { buildWeb } from '../web/web-server.ts'
import { FakePeerApi } from './fake-peer-api.ts'
import { fakeVitals } from './fake-vitals.ts'
import { ShareFixture } from './share-fixture.ts'

interface Answer {
  readonly statusCode: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

class Meanwhile {
  next: (() => Promise<unknown>) | undefined

  async work(): Promise<void> {
    const { next } = this
    this.next = undefined
    await next?.()
  }
}

/** A peer whose shared/ is on disk, in a cluster of files with their names as contents. */
export class DavDoor implements AsyncDisposable {
  readonly peer: ShareFixture
  readonly #web: Web
  readonly #cluster: FakePeerApi
  readonly #meanwhile: Meanwhile

  private constructor(peer: ShareFixture, web: Web, cluster: FakePeerApi, meanwhile: Meanwhile) {
    this.#meanwhile = meanwhile
    this.peer = peer
    this.#web = web
    this.#cluster = cluster
  }

  static async open({ own = [] as string[], others = [] as string[] } = {}): Promise<DavDoor> {
    const peer = await ShareFixture.create()
    for (const name of own) await peer.write(`shared/${name}`, name)
    const share = await peer.start()
    const cluster = clusterWith([...own, ...others])
    const meanwhile = new Meanwhile()
    const web = await buildWeb(
      { allowedHosts: [] },
      {
        api: cluster.api,
        vitals: fakeVitals(),
        clock: systemClock,
        log: silentLog,
        dav: {
          tree: {
            goneNames: () => share.tree.goneNames(),
            list: (folder) => share.tree.list(folder),
            look: async (name) => await share.tree.look(name),
            room: async () => await share.tree.room(),
            makeFolder: async (name) => await share.tree.makeFolder(name),
            remove: async (name) => await share.tree.remove(name),
            reshare: async () => {},
            move: async (request) => {
              await meanwhile.work()
              await share.tree.move(request)
            },
            copy: async (request) => {
              await meanwhile.work()
              await share.tree.copy(request)
            },
          },
          random: seededRandom('dav'),
          propertiesPath: join(peer.path, 'dav.db'),
          store: async (file, signal) => {
            await meanwhile.work()
            if (share.ignoredBy(file.name) !== undefined)
              await share.tree.keep(file.bytes, { ...file, signal })
            else await share.receive(file.bytes, { ...file, signal })
          },
          fetchCopy: async ({ from, to, replace }) => {
            await meanwhile.work()
            await share.receive(bytesOf(from), { name: to, replace })
          },
          readUnread: async function* (name, range) {
            yield partOf(await readFile(join(peer.path, 'shared', name)), range)
          },
          sources: {
            peerId: 'peer1',
            zone: undefined,
            clock: systemClock,
            local: (sha256) => {
              const entry = share.first(sha256)
              const chunkList = share.chunkList(sha256)
              return entry && chunkList && { content: entry.content, modifiedMs: 0, chunkList }
            },
            readLocal: async function* ({ sha256, range }) {
              yield partOf(await readFile(share.first(sha256)?.at.path ?? ''), range)
            },
            readOthers: async ({ name, range, write }) =>
              await write(partOf(Buffer.from(name), range)),
            lookup: async (name) =>
              (await cluster.lookup({ name })).files.map((file) => ({ ...file, sources: [] })),
            chunkListOf: async () => new Uint8Array(),
            folder: (request) => cluster.folder(request),
          },
        },
      },
    )
    return new DavDoor(peer, web, cluster, meanwhile)
  }

  async ask(
    method: string,
    name: string,
    headers: Readonly<Record<string, string>> = {},
    payload?: string,
    remoteAddress = '127.0.0.1',
  ): Promise<Answer> {
    const url = `/dav/${name}`
    return await this.#web.inject({
      method: method as 'GET',
      url,
      remoteAddress,
      headers: { host: 'localhost', ...headers },
      ...(payload !== undefined && { payload }),
    })
  }

  async status(...asked: Parameters<DavDoor['ask']>): Promise<number> {
    return (await this.ask(...asked)).statusCode
  }

  /** The names that a listing shows. */
  async names(folder = ''): Promise<string[]> {
    const { body } = await this.ask('PROPFIND', folder, { depth: '1' })
    const hrefs = [...body.matchAll(/<D:href>([^<]*)<\/D:href>/g)].map((match) => match[1] ?? '')
    return hrefs
      .slice(1)
      .map((href) => decodeURIComponent(href.slice('/dav/'.length)))
      .toSorted()
  }

  /** Locks a name; the token. */
  async lock(name: string): Promise<string> {
    const { headers } = await this.ask('LOCK', name, {}, lockBody)
    return String(headers['lock-token']).slice(1, -1)
  }

  /** Has this work done once: after the checks of the next change, before anything is placed. */
  meanwhile(work: () => Promise<unknown>): void {
    this.#meanwhile.next = work
  }

  loseIndex(): void {
    this.#cluster.folder = async () => {
      throw new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })
    }
  }

  /** Has requests to the index wait. @returns what lets them continue */
  holdIndex(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    const folder = this.#cluster.folder.bind(this.#cluster)
    this.#cluster.folder = async (request) => {
      await promise
      return await folder(request)
    }
    return resolve
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#web.close()
    await this.peer[Symbol.asyncDispose]()
  }
}

export const lockBody = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
<D:locktype><D:write/></D:locktype><D:owner><D:href>me</D:href></D:owner></D:lockinfo>`

function clusterWith(names: readonly string[]): FakePeerApi {
  const cluster = new FakePeerApi({ clock: systemClock })
  for (const name of names) cluster.add(name)
  return cluster
}

function partOf(bytes: Uint8Array, { start, bytes: count }: ByteRange): Uint8Array {
  return bytes.subarray(start, start + count)
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
