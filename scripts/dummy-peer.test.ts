import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { BufferSink } from '../common/protocol/bulk.ts'
import { type Connected, connect } from '../common/protocol/client.ts'
import { MemoryTransport } from '../common/protocol/memory-transport.ts'
import { messages, type RequestOf } from '../common/protocol/messages.ts'
import { startServer } from '../common/protocol/server.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { startDummy } from './dummy-peer.ts'

const index = { host: '127.0.0.1', port: 7_000 }
const address = { host: '127.0.0.1', port: 8_999 }

function world(): {
  transport: MemoryTransport
  clock: FakeClock
  random: ReturnType<typeof seededRandom>
  log: typeof silentLog
  lines: string[]
  print: (line: string) => void
} {
  const lines: string[] = []
  return {
    transport: new MemoryTransport(),
    clock: new FakeClock(),
    random: seededRandom('dummy'),
    log: silentLog,
    lines,
    print: (line) => void lines.push(line),
  }
}

async function ask({ transport, clock, log }: ReturnType<typeof world>): Promise<Connected> {
  const hello = { role: 'client' } as const
  return await connect({ transport, address, role: 'peer', hello }, { clock, log })
}

describe('the dummy peer', () => {
  test('announces its files and serves them, saying every request', async () => {
    const dependencies = world()
    const announced: RequestOf<'announce'>[] = []
    const { transport, clock, log, lines } = dependencies
    await using _ = await startServer<'index', undefined>(
      { role: 'index', address: index, connectionsMax: 10 },
      {
        transport,
        clock,
        log,
        welcome: async () => ({
          reply: { registered: { seenSeq: 0, heartbeatMs: 1_000 } },
          session: undefined,
        }),
        handlers: new Proxy({} as never, {
          has: () => true,
          ownKeys: () => Object.keys(messages),
          getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }),
          get: (_target, type) => async (request: never) => {
            if (type === 'announce') announced.push(request)
            return type === 'announce' ? { seenSeq: 4 } : {}
          },
        }),
      },
    )
    await using dummy = await startDummy({ peerId: 'dummy', address, index }, dependencies)
    await clock.advance(100)
    expect(lines).toContain('Announced to the index at 127.0.0.1:7000.')
    expect(dummy.address).toEqual(address)
    const [change] = announced[0]?.changes ?? []
    if (change?.op !== 'put') throw new Error('nothing was announced')

    const { connection } = await ask(dependencies)
    const sink = new BufferSink(change.size)
    await connection.request('read', { sha256: change.sha256, chunk: 0 }, { into: sink })
    expect(createHash('sha256').update(sink.received).digest('hex')).toBe(change.sha256)
    expect(lines.at(-1)).toMatch(
      /^a client at 127\.0\.0\.1:\d+: read of dummy_kb_0001\.txt \{"chunk":0\}$/,
    )
    connection.destroy()
  })

  test('serves without an index, and reports its absence once', async () => {
    const dependencies = world()
    await using _ = await startDummy({ peerId: 'dummy', address, index }, dependencies)
    await dependencies.clock.advance(10_000)
    const complaints = dependencies.lines.filter((line) => line.startsWith('Not announced'))
    expect(complaints).toEqual([
      'Not announced: Cannot connect to 127.0.0.1:7000: connection refused.',
    ])
    const { connection } = await ask(dependencies)
    await expect(connection.request('chunks', { sha256: '0'.repeat(64) })).rejects.toThrow(
      'There is no content',
    )
    connection.destroy()
  })
})
