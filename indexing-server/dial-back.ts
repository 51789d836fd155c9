import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { deadlines } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import { connect } from '../common/protocol/client.ts'
import { formatAddress, type Transport } from '../common/protocol/transport.ts'
import type { DialBack } from './reachability.ts'

/** Connects like another peer would, and checks that the peer that answers has the id. */
export function dialBackOver(
  transport: Transport,
  dependencies: { clock: Clock; log: Log },
): DialBack {
  return async (peerId, address, signal) => {
    const { connection, welcome } = await connect(
      {
        transport,
        address,
        role: 'peer',
        hello: { role: 'client' },
        signal,
        deadlineMs: deadlines.dialMs,
      },
      dependencies,
    )
    connection.destroy()
    if (welcome.peerId === peerId) return
    const reason = `the peer at this address is ${welcome.peerId ?? 'without an id'}`
    throw new AppError('DIAL_FAILED', { address: formatAddress(address), reason })
  }
}
