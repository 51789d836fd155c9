import type { Log } from '../../common/log.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { formatAddress } from '../../common/protocol/transport.ts'

/** Why the index cannot connect to this peer's address. */
export interface Unreachable {
  readonly address: string
  readonly reason: string
}

/** What the user should change in that case. */
export const unreachableRemedy =
  'set peer.advertiseHost (--advertise-host) to where others reach this machine, and peer.host (--host) to an address that it listens on for them'

/** The last report of the index about connecting to this peer. */
export class ReachNotice {
  readonly #log: Log
  #unreachable: Unreachable | undefined

  constructor(dependencies: { log: Log }) {
    this.#log = dependencies.log
  }

  /** Undefined when the index reached this peer, or has not tried. */
  get unreachable(): Unreachable | undefined {
    return this.#unreachable
  }

  onReached({ host, port, reason }: RequestOf<'reached'>): void {
    const address = formatAddress({ host, port })
    if (reason !== undefined)
      this.#log.warn(
        { address, reason, remedy: unreachableRemedy },
        'others cannot connect to this peer: its copies do not count',
      )
    else if (this.#unreachable !== undefined)
      this.#log.info({ address }, 'others can connect to this peer again')
    this.#unreachable = reason === undefined ? undefined : { address, reason }
  }
}
