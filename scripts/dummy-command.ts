import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../common/clock.ts'
import { parsePeerId } from '../common/ids.ts'
import { interrupted } from '../common/interrupted.ts'
import { openLog } from '../common/log.ts'
import { tcpTransport } from '../common/protocol/tcp-transport.ts'
import { type Address, parseAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import { startDummy } from './dummy-peer.ts'

interface Options {
  readonly peer: string
  readonly port: number
  readonly index: Address
}

/** `tandem dummy`: runs until stopped. */
export function dummyCommand(): Command {
  return new Command('dummy')
    .description('Runs a scripted peer that shares a few generated files and prints every request.')
    .option('--peer <id>', 'id of the peer', parsePeerId, 'dummy')
    .option('--port <port>', 'port to serve on', parsePort, 8_999)
    .addOption(
      new Option('--index <address>', 'HOST:PORT of the index')
        .argParser(parseIndex)
        .default({ host: '127.0.0.1', port: 7_000 }, '127.0.0.1:7000'),
    )
    .action(async ({ peer, port, index }: Options) => {
      using stop = interrupted()
      using logging = await openLog({
        name: peer,
        level: 'warn',
        format: 'auto',
        console: true,
      })
      const address = { host: '127.0.0.1', port }
      await using _ = await startDummy(
        { peerId: peer, address, index },
        {
          transport: tcpTransport,
          clock: systemClock,
          random: systemRandom,
          log: logging.log,
          print: (line) => process.stdout.write(`${line}\n`),
        },
      )
      await stop.happened
    })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('Must be a whole number from 0 to 65535.')
  return port
}

function parseIndex(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new InvalidArgumentError('Must be HOST:PORT.')
  return address
}
