/**
 * Swarms in virtual time: the real planner, crew, upload queue and connections, over simulated
 * links of 100 Mbit/s with the buffers of operating systems. The bounds are those of the benchmark
 * `swarm`, which measures real processes: no peer can have the content before one link has carried
 * it, and the source must send it once. CPU time is not simulated.
 */
import { expect, test } from 'vitest'
import { SimulatedSwarm } from './simulated-swarm.ts'

const mebibyte = 1024 * 1024
const bytesPerMs = 12_500

test('eight that begin together have all soon after one link has carried it, and the source sends little twice', async () => {
  const bytes = 64 * mebibyte
  await using swarm = await SimulatedSwarm.start({ bytes, bytesPerMs, downloaders: 8 })
  const { source, downloaders } = swarm
  const ends = await swarm.until(Promise.all(downloaders.map((peer) => peer.download())))

  expect((Math.max(...ends) * bytesPerMs) / bytes).toBeLessThanOrEqual(1.3)
  expect(source.sentBytes / bytes).toBeLessThanOrEqual(1.3)
  for (const peer of downloaders) {
    expect(peer.chunks.isFull).toBe(true)
    // Duplicates are chunks that two sources began to send at the same moment.
    expect(peer.receivedBytes / bytes).toBeLessThanOrEqual(1.05)
    expect(peer.chunksKept).toBe(bytes / mebibyte)
    // All other peers, and the source.
    expect(peer.hadSourcesAtMs(8)).toBeLessThanOrEqual(500)
  }
})

test('with more downloaders than sources per fetch, all of them serve others', async () => {
  const bytes = 32 * mebibyte
  await using swarm = await SimulatedSwarm.start({ bytes, bytesPerMs, downloaders: 16 })
  const { downloaders } = swarm
  const ends = await swarm.until(Promise.all(downloaders.map((peer) => peer.download())))
  expect((Math.max(...ends) * bytesPerMs) / bytes).toBeLessThanOrEqual(1.8)
  for (const peer of downloaders) expect(peer.sentBytes / bytes).toBeGreaterThanOrEqual(0.5)
})

test('two that have all of it together finish after the original is gone', async () => {
  const bytes = 16 * mebibyte
  await using swarm = await SimulatedSwarm.start({ bytes, bytesPerMs, downloaders: 2 })
  const { source, downloaders } = swarm
  const ends = Promise.all(downloaders.map((peer) => peer.download()))
  const chunks = Array.from({ length: bytes / mebibyte }, (_, chunk) => chunk)
  const haveAll = (): boolean =>
    chunks.every((chunk) => downloaders.some((peer) => peer.chunks.has(chunk)))
  await swarm.untilTrue(haveAll)
  expect(downloaders.map((peer) => peer.chunks.isFull)).toEqual([false, false])
  await source.kill()
  await swarm.until(ends)
  for (const peer of downloaders) expect(peer.chunks.isFull).toBe(true)
})
