/** An index on a core of its own, and a client of it. */
import { join } from 'node:path'
import { systemClock } from '../../../common/clock.ts'
import { type Connected, connect } from '../../../common/protocol/client.ts'
import { tcpTransport } from '../../../common/protocol/tcp-transport.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { freePorts } from '../../system/cluster-fixture.ts'
import { startTandem, type TandemProcess } from '../../system/tandem-process.ts'
import { hostPinnedTo, serverCore } from './cores.ts'

/** Starts an index with its data in `folder`. */
export async function startTestedIndex(
  folder: string,
  flags: readonly string[] = [],
): Promise<TandemProcess> {
  const [port, httpPort] = await freePorts()
  return await startTandem({
    role: 'index',
    name: 'index',
    dataFolder: join(folder, 'index'),
    port,
    httpPort,
    flags,
    host: hostPinnedTo(serverCore),
  })
}

/** A connection to the index, opened when it is needed, and anew after the index ended it. */
export class Client implements AsyncDisposable {
  readonly #address: { host: string; port: number }
  #connected: Connected | undefined

  constructor(address: { host: string; port: number }) {
    this.#address = address
  }

  async connection(): Promise<Connected['connection']> {
    if (this.#connected?.connection.isOpen !== true)
      this.#connected = await connect(
        {
          transport: tcpTransport,
          address: this.#address,
          role: 'index',
          hello: { role: 'client' },
        },
        { clock: systemClock, log: silentLog },
      )
    return this.#connected.connection
  }

  /** Seconds until the reply to `ask`. */
  async secondsOf(ask: (to: Connected['connection']) => Promise<unknown>): Promise<number> {
    const to = await this.connection()
    const startedMs = systemClock.monotonicMs()
    await ask(to)
    return (systemClock.monotonicMs() - startedMs) / 1_000
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connected?.connection.destroy()
  }
}
