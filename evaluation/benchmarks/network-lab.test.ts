/** Real hosts and processes, where this user may create them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, type TestContext, test } from 'vitest'
import { freePorts } from '../system/cluster-fixture.ts'
import { pathOf } from './anchor-programs.ts'
import { type LabHost, startNetworkLab, whyNoNetworkLab } from './network-lab.ts'
import { runToEnd, startListening } from './outside-process.ts'

/** Echoes what it receives. */
const echo = `require('node:net').createServer((each) => each.pipe(each))`

/** Forwards to a port of another host. */
function relay(address: string, port: number): string {
  const onward = `require('node:net').connect(${port}, '${address}')`
  return `require('node:net').createServer((each) => each.pipe(${onward}).pipe(each))`
}

interface World extends AsyncDisposable {
  readonly hosts: readonly [LabHost, LabHost, LabHost]
  /** From this process through the first host to an echo on the second. */
  readonly toSecond: Socket
  readonly toThird: Socket
}

async function startWorld({ skip }: TestContext): Promise<World> {
  const why = await whyNoNetworkLab()
  if (why !== undefined) return skip(why)
  await using starting = new AsyncDisposableStack()
  const lab = starting.use(await startNetworkLab({ hosts: 3, megabitsPerSecond: 100 }))
  const [first, second, third] = lab.hosts
  assert(first && second && third)
  const listen = async (host: LabHost, program: string): Promise<number> => {
    const [port] = await freePorts()
    const words = ['--eval', `${program}.listen(${port})`]
    starting.use(await startListening(process.execPath, words, { port, host }))
    return port
  }
  const connectTo = async (host: LabHost): Promise<Socket> => {
    const port = await listen(first, relay(host.address, await listen(host, echo)))
    starting.use(await first.openDoor(port))
    const socket = connect(port, '127.0.0.1')
    starting.defer(() => void socket.destroy())
    return socket
  }
  const [toSecond, toThird] = [await connectTo(second), await connectTo(third)]
  const started = starting.move()
  return {
    hosts: [first, second, third],
    toSecond,
    toThird,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function echoOf(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  return String(await once(socket, 'data'))
}

test('a host that is cut off sends and receives nothing, silently', async (context) => {
  await using world = await startWorld(context)
  const { hosts, toSecond, toThird } = world
  expect([await echoOf(toSecond, 'a'), await echoOf(toThird, 'a')]).toEqual(['a', 'a'])
  await hosts[1].cut()
  toSecond.write('b')
  expect(await echoOf(toThird, 'b')).toBe('b')
  expect([toSecond.bytesRead, toSecond.readyState]).toEqual([1, 'open'])
  await hosts[1].heal()
  expect(String(await once(toSecond, 'data'))).toBe('b')
})

test('hosts on either side of a partition reach only their side', async (context) => {
  await using world = await startWorld(context)
  const { hosts, toSecond, toThird } = world
  for (const host of [hosts[0], hosts[2]]) await host.partition()
  toSecond.write('a')
  expect(await echoOf(toThird, 'a')).toBe('a')
  expect(toSecond.bytesRead).toBe(0)
  for (const host of hosts) await host.heal()
  expect(String(await once(toSecond, 'data'))).toBe('a')
})

test('a link has a speed, which can be changed', async (context) => {
  await using world = await startWorld(context)
  const [host] = world.hosts
  const shapeOf = () => runToEnd(pathOf('tc'), ['qdisc', 'show', 'dev', 'eth0'], host)
  expect(await shapeOf()).toContain('rate 100Mbit')
  await host.setRate(1_000)
  expect(await shapeOf()).toContain('rate 1Gbit')
  await host.setRate(undefined)
  expect(await shapeOf()).not.toContain('rate')
})
