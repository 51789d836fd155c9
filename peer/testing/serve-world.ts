import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { hashFile } from '../../common/content/hash.ts'
import type { ProvenIdentity } from '../../common/identity/cluster-role.ts'
import { BufferSink } from '../../common/protocol/bulk.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import { type TestContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { noLimits } from '../limit/grant.ts'
import { TrafficGate } from '../limit/traffic-gate.ts'
import type {
  ServedContents,
  ServedDownload,
  ServedFile,
  UnfinishedFile,
} from '../serve/served-contents.ts'
import { type Serving, startServing } from '../serve/start-serving.ts'
import { SmallReader } from '../share/small-reader.ts'

const mebibyte = 1024 * 1024

/** A serving peer, its folder, and those who ask it. */
export class ServeWorld {
  readonly clock = new FakeClock()
  readonly transport = new MemoryTransport()
  readonly rechecked: string[] = []
  readonly verified: string[] = []
  connectionsMax = 100
  /** Who those that connect prove to be. */
  proven: ProvenIdentity | undefined
  readonly downloads = new Map<string, ServedDownload>()
  readonly uploads = new TrafficGate(noLimits, this)
  readonly #files: ServedFile[] = []
  readonly #chunkLists = new Map<string, Buffer>()
  readonly #folder: string

  /** Bytes reported as sent, by requester and content. */
  readonly sent = new Map<string, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  /** A file on the disk that the catalog knows. */
  async share(name: string, { bytes }: TestContent): Promise<ServedFile> {
    const path = this.path(name)
    await writeFile(path, bytes)
    const { content, chunkList, stat } = await hashFile(path)
    const file = { at: { name, path, root: this.#folder }, stat, content }
    this.#files.push(file)
    this.#chunkLists.set(content.sha256, chunkList)
    return file
  }

  /** The catalog no longer offers this file, which stays on the disk. */
  withdraw(file: ServedFile): void {
    this.#files.splice(this.#files.indexOf(file), 1)
  }

  /** What the catalog has of the files, and reads small ones of them. */
  contents(): {
    contents: ServedContents
    recheck: (path: string) => void
    smallReader: SmallReader<ServedFile>
  } {
    const contents = {
      first: (sha256: string) => this.#files.find(({ content }) => content.sha256 === sha256),
      find: (sha256: string) => this.#files.filter(({ content }) => content.sha256 === sha256),
      isServed: ({ at }: Pick<ServedFile, 'at'>) => this.#files.some((one) => one.at === at),
      chunkList: (sha256: string) => this.#chunkLists.get(sha256),
    }
    const recheck = (path: string): void => void this.rechecked.push(basename(path))
    const smallReader = new SmallReader({ catalog: contents, recheck, clock: this.clock })
    onTestFinished(async () => await smallReader[Symbol.asyncDispose]())
    return { contents, recheck, smallReader }
  }

  async serve(): Promise<Serving> {
    return await startServing(
      {
        peerId: 'source',
        address: { host: 'source', port: 0 },
        connectionsMax: () => this.connectionsMax,
      },
      {
        ...this.contents(),
        downloads: { find: (sha256) => this.downloads.get(sha256) },
        uploads: this.uploads,
        sent: {
          onSent: ({ to, sha256 }, bytes) => this.#count(`${to} ${sha256}`, bytes),
          onSmallSent: (to, _, files) => {
            for (const { sha256, size } of files) this.#count(`${to} ${sha256}`, size)
          },
        },
        verify: (sha256) => this.verified.push(sha256),
        transport: {
          dial: (address, options) => this.transport.dial(address, options),
          listen: (address, onConnection) =>
            this.transport.listen(address, (wire, remote) => {
              const { proven } = this
              onConnection(proven === undefined ? wire : { ...wire, proven }, remote)
            }),
        },
        clock: this.clock,
        log: silentLog,
      },
    )
  }

  #count(key: string, bytes: number): void {
    this.sent.set(key, bytes + (this.sent.get(key) ?? 0))
  }

  async dial({ address }: Serving): Promise<Connection> {
    const { transport, clock } = this
    const { connection } = await connect(
      { transport, address, role: 'peer', hello: { role: 'client' } },
      { clock, log: silentLog },
    )
    onTestFinished(() => connection.destroy())
    return connection
  }
}

export async function aServingPeer(): Promise<ServeWorld> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return new ServeWorld(folder.path)
}

export async function readChunk(
  connection: Connection,
  sha256: string,
  chunk = 0,
): Promise<Buffer> {
  const into = new BufferSink(8 * mebibyte)
  await connection.request('read', { sha256, chunk }, { into })
  return into.received
}

/** A download of which some chunks have come. */
export class PartialDownload implements ServedDownload {
  readonly file: UnfinishedFile
  readonly chunkList: Buffer
  readonly verified: ChunkSet
  readonly changes = new WakeUp()

  constructor(path: string, { content, chunkList }: TestContent) {
    this.file = { at: { name: 'half', path, root: dirname(path) }, stat: undefined, content }
    this.chunkList = chunkList
    this.verified = new ChunkSet(chunkList.length / 32)
  }

  gain(...chunks: number[]): void {
    for (const chunk of chunks) this.verified.add(chunk)
    this.changes.notify()
  }
}

export async function aDownload(world: ServeWorld, whole: TestContent): Promise<PartialDownload> {
  const path = world.path('partial')
  await writeFile(path, whole.bytes)
  const download = new PartialDownload(path, whole)
  world.downloads.set(whole.content.sha256, download)
  return download
}
