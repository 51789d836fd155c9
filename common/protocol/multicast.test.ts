import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { discoveryGroup } from './discovery-datagram.ts'
import { type MulticastChannel, type OnDatagram, udpMulticast } from './multicast.ts'

/** A UDP port that no other test uses. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

function open(port: number, onDatagram: OnDatagram): MulticastChannel {
  const channel = udpMulticast({ group: discoveryGroup, port }, onDatagram)
  onTestFinished(() => channel[Symbol.asyncDispose]())
  return channel
}

test('channels of one machine hear each other through loopback', async () => {
  const port = await freePort()
  const heard: string[] = []
  const listen =
    (name: string): OnDatagram =>
    (bytes, from) =>
      heard.push(`${name}: ${Buffer.from(bytes).toString()} from ${from}`)
  const [a, b] = [open(port, listen('a')), open(port, listen('b'))]
  await b.send(Buffer.from('1'), ['127.0.0.1'])
  await a.send(Buffer.from('2'), ['127.0.0.1'])
  await b.send(Buffer.from('3'), ['127.0.0.1'])
  await expect
    .poll(() => heard.toSorted())
    .toEqual([
      'a: 2 from 127.0.0.1',
      'a: 3 from 127.0.0.1',
      'b: 1 from 127.0.0.1',
      'b: 2 from 127.0.0.1',
      'b: 3 from 127.0.0.1',
    ])
})

test('an interface that is gone matters only if there is no other', async () => {
  const port = await freePort()
  const heard: string[] = []
  const channel = open(port, (bytes) => heard.push(Buffer.from(bytes).toString()))
  const gone = '198.51.100.1'
  await expect(channel.send(Buffer.from('lost'), [gone])).rejects.toThrow(
    /^(addMembership|setMulticastInterface) E/,
  )
  await channel.send(Buffer.from('sent'), [gone, '127.0.0.1'])
  await expect.poll(() => heard).toEqual(['sent'])
})

test('a port that another program keeps for itself is tried again', async () => {
  const other = createSocket('udp4')
  other.bind(0)
  await once(other, 'listening')
  const { port } = other.address()
  const channel = open(port, () => {})
  await expect(channel.send(Buffer.from('1'), ['127.0.0.1'])).rejects.toThrow('EADDRINUSE')
  other.close()
  await once(other, 'close')
  await channel.send(Buffer.from('1'), ['127.0.0.1'])
})
