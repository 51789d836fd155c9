/**
 * The process that holds a network namespace until its parent is gone. It forwards the connections
 * that it receives to a port of the namespace's 127.0.0.1.
 */
import { connect, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'

process.on('message', (port: number, outside) => {
  if (!(outside instanceof Socket)) return
  const inside = connect(port, '127.0.0.1')
  // When either side ends or fails, the other sees the end of its connection.
  pipeline(outside, inside).catch(() => {})
  pipeline(inside, outside).catch(() => {})
})
process.send?.('ready')
