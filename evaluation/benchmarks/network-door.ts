/**
 * The process that holds a network namespace, until whoever started it is gone. It leads the connections
 * that it is handed to a port of the namespace's 127.0.0.1.
 */
import { connect, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'

process.on('message', (port: number, outside) => {
  if (!(outside instanceof Socket)) return
  const inside = connect(port, '127.0.0.1')
  // Whoever ends or fails, the other one sees it by the end of its connection.
  pipeline(outside, inside).catch(() => {})
  pipeline(inside, outside).catch(() => {})
})
process.send?.('ready')
