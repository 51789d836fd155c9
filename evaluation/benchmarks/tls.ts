/**
 * What TLS costs: the same work in a secured cluster and in a plain one, side by side. A download of one large
 * file from three sources, lookups on open connections, and new connections, with the handshake and with
 * resumed sessions. All processes share the machine, so both ends pay for the encryption.
 */
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { Authority } from '../../common/identity/authority.ts'
import { joinCluster } from '../../common/identity/join-cluster.ts'
import { NodeIdentity } from '../../common/identity/node-identity.ts'
import { connect } from '../../common/protocol/client.ts'
import { tcpTransport } from '../../common/protocol/tcp-transport.ts'
import { TlsTransport } from '../../common/protocol/tls-transport.ts'
import type { Transport } from '../../common/protocol/transport.ts'
import { systemRandom } from '../../common/random.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { type Contender, measureInterleaved, secondsOf } from './interleaved.ts'
import { LookupLoad } from './lookup-load.ts'
import { flushDisk } from './outside-process.ts'
import { syncthingContender } from './syncthing-transfer.ts'
import {
  downloadAndCheck,
  forgetDownloads,
  sharing,
  startTransferCluster,
  type TransferCluster,
} from './transfer-fixture.ts'

const sources = 3
const openConnections = 50
/** What a secured cluster may cost: 0.8 of the rate is 1.25 times the seconds. */
const goal = 1.25
const plain = 'without TLS'
const identityMs = 3_600_000

export interface TlsSize {
  readonly mebibytes: number
  readonly lookups: number
  readonly connections: number
}

export const tls: Benchmark<TlsSize> = {
  name: 'tls',
  anchors: ['syncthing'],
  measure: measureTls,
}

async function measureTls(
  { mebibytes, lookups, connections }: TlsSize,
  options: BenchmarkOptions,
): Promise<void> {
  await using folder = await temporaryFolder()
  const bytes = mebibytes * 2 ** 20
  const original = await aFile(join(folder.path, 'originals'), 'large.bin', { bytes })
  const share = sharing(original)
  await measureBesideSyncthing(original, folder.path, options)
  await using open = await startTransferCluster({ sources, files: 1, share })
  await using secured = await startTransferCluster({ sources, files: 1, share, isSecured: true })
  await using stack = new AsyncDisposableStack()
  const reader = stack.use(await readerOf(secured.index, join(folder.path, 'reader')))

  await measureInterleaved(
    `${mebibytes} MiB from ${sources} sources`,
    [
      { name: tandem, measure: () => downloading(secured, original) },
      { name: plain, goal, measure: () => downloading(open, original) },
    ],
    options,
  )
  for (const inFlight of [1, 16]) {
    const asked = { lookups, inFlight }
    await measureInterleaved(
      `${lookups} lookups on ${openConnections} open connections, ${inFlight} in flight on each`,
      [
        await lookupContender(tandem, secured.index, reader.resuming, asked, stack),
        { ...(await lookupContender(plain, open.index, tcpTransport, asked, stack)), goal },
      ],
      options,
    )
  }
  await measureInterleaved(
    `${connections} new connections, one after the other`,
    [
      {
        name: tandem,
        measure: () => connecting(secured.index, () => reader.resuming, connections),
      },
      {
        name: 'with the whole handshake each time',
        measure: () => connecting(secured.index, reader.fresh, connections),
      },
      { name: plain, measure: () => connecting(open.index, () => tcpTransport, connections) },
    ],
    options,
  )
}

/** From one source, as a new file of Syncthing has one. */
async function measureBesideSyncthing(
  original: FileFixture,
  folder: string,
  options: BenchmarkOptions,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const share = sharing(original)
  const cluster = stack.use(
    await startTransferCluster({ sources: 1, files: 1, share, isSecured: true }),
  )
  const contenders: Contender[] = [{ name: tandem, measure: () => downloading(cluster, original) }]
  if (!options.missing.includes('syncthing'))
    contenders.push(await syncthingContender(join(folder, 'syncthing'), original.size, stack))
  await measureInterleaved(`${original.size / 2 ** 20} MiB from 1 source`, contenders, options)
}

async function downloading(
  { downloader }: TransferCluster,
  original: FileFixture,
): Promise<number> {
  await flushDisk()
  const seconds = await downloadAndCheck(downloader, original)
  await forgetDownloads(downloader)
  return seconds
}

async function lookupContender(
  name: string,
  index: TandemProcess,
  transport: Transport,
  { lookups, inFlight }: { readonly lookups: number; readonly inFlight: number },
  stack: AsyncDisposableStack,
): Promise<Contender> {
  const address = { host: '127.0.0.1', port: index.port }
  const load = stack.use(await LookupLoad.open(transport, address, openConnections))
  return { name, measure: () => secondsOf(() => load.run('large.bin', lookups, inFlight)) }
}

/** Opens connections one after the other, each with its hello. */
async function connecting(
  { port }: TandemProcess,
  transportOf: () => Transport,
  count: number,
): Promise<number> {
  const address = { host: '127.0.0.1', port }
  return await secondsOf(async () => {
    for (let opened = 0; opened < count; opened++) {
      const { connection } = await connect(
        { transport: transportOf(), address, role: 'index', hello: { role: 'client' } },
        { clock: systemClock, log: silentLog },
      )
      connection.destroy()
    }
  })
}

/** The transports of a reader. */
interface Reader extends Disposable {
  /** Resumes sessions. */
  readonly resuming: Transport
  /** One that has no session yet. */
  readonly fresh: () => Transport
}

/** A reader that joins the cluster of the index, on its machine. */
async function readerOf(index: TandemProcess, folder: string): Promise<Reader> {
  const dependencies = { clock: systemClock, random: systemRandom, log: silentLog }
  using authority = Authority.open(join(index.dataFolder, 'cluster'), dependencies)
  const secret = authority.tokens.create({ role: 'reader', forMs: identityMs })
  const address = { host: '127.0.0.1', port: index.port }
  const token = { authority: authority.digest, secret, address }
  await joinCluster({ token, id: 'reader', names: [], folder }, dependencies)
  const identity = await NodeIdentity.open(folder, dependencies)
  if (identity === undefined) throw new Error('the reader has no identity')
  const stack = new DisposableStack()
  const fresh = (): TlsTransport => stack.use(new TlsTransport(identity, dependencies))
  return { resuming: fresh(), fresh, [Symbol.dispose]: () => stack.dispose() }
}
