/** Redis with the same names, and values of the size of the index's replies. */

import { once } from 'node:events'
import { createConnection } from 'node:net'
import { pathOf } from '../anchor-programs.ts'
import { startListening } from '../outside-process.ts'
import { pinnedTo, serverCore } from './cores.ts'

/** Bytes sent before Redis has answered: its replies are short. */
const batchBytes = 1024 * 1024

/** Starts a Redis that keeps nothing on disk. */
export async function startRedis(port: number): Promise<AsyncDisposable> {
  const words = ['--port', String(port), '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1']
  const [path, all] = pinnedTo(serverCore, pathOf('redis-server'), words)
  return await startListening(path, all, { port })
}

export function redisCommand(...words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`)
}

/** Sets each name to a value of `bytes` bytes. */
export async function fillRedis(
  port: number,
  names: Iterable<string>,
  bytes: number,
): Promise<void> {
  const value = 'x'.repeat(bytes)
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  let answered = 0
  let sent = 0
  let onAnswered = (): void => {}
  socket.on('data', (data: Buffer) => {
    answered += data.toString('latin1').split('+OK').length - 1
    if (answered === sent) onAnswered()
  })
  await once(socket, 'connect')
  const send = async (batch: readonly Buffer[]): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    onAnswered = resolve
    sent += batch.length
    socket.write(Buffer.concat(batch))
    await promise
  }
  let batch: Buffer[] = []
  let batched = 0
  for (const name of names) {
    const command = redisCommand('SET', name, value)
    batch.push(command)
    batched += command.length
    if (batched < batchBytes) continue
    await send(batch)
    batch = []
    batched = 0
  }
  if (batch.length > 0) await send(batch)
  socket.destroy()
}
