import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { hashBytes } from '../../common/content/chunks.ts'
import { hashFile } from '../../common/content/hash.ts'
import { aContent, chunkOf } from '../../common/testing/contents.ts'
import { aServingPeer } from '../testing/serve-world.ts'
import { proofsMax } from './chunk-prover.ts'

const mebibyte = 1024 * 1024
const nonce = '9f86d081884c7d659a2feaa0c55ad015'
const never = new AbortController().signal

function proofOf(bytes: Uint8Array): string {
  return createHash('sha256').update(Buffer.from(nonce, 'hex')).update(bytes).digest('hex')
}

async function collected(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  const copies: Buffer[] = []
  for await (const piece of pieces) copies.push(Buffer.from(piece))
  return Buffer.concat(copies)
}

test('a peer proves each chunk that it has, and shows it after the chunk list', async () => {
  const world = await aServingPeer()
  const contents = [aContent(2 * mebibyte + 5), aContent(0), aContent(7)]
  await using serving = await world.serve()
  for (const [index, content] of contents.entries()) {
    await world.share(`f${index}`, content)
    const { sha256 } = content.content
    for (let chunk = 0; chunk < content.chunkList.length / hashBytes; chunk += 1) {
      const bytes = chunkOf(content.bytes, chunk)
      const proof = await serving.prover.prove({ sha256, chunk, nonce }, never)
      expect(proof).toBe(proofOf(bytes))
      const shown = await serving.prover.show({ sha256, chunk }, never)
      expect(shown.bytes).toBe(content.chunkList.length + bytes.length)
      const all = await collected(shown.pieces)
      expect(all.equals(Buffer.concat([content.chunkList, bytes]))).toBe(true)
    }
    const beyond = content.chunkList.length / hashBytes
    await expect(
      serving.prover.prove({ sha256, chunk: beyond, nonce }, never),
    ).rejects.toMatchObject({ code: 'CHUNK_OUT_OF_RANGE' })
  }
  const missing = serving.prover.prove({ sha256: 'a'.repeat(64), chunk: 0, nonce }, never)
  await expect(missing).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})

test('bytes that are not the chunk are not proven; another file of the content is', async () => {
  const world = await aServingPeer()
  const big = aContent(mebibyte + 5)
  const { sha256 } = big.content
  const rotten = await world.share('rotten', big)
  await using serving = await world.serve()
  await writeFile(world.path('rotten'), Buffer.alloc(mebibyte + 5), { flag: 'r+' })
  // It has rotted without a trace in its times.
  Object.assign(rotten, { stat: (await hashFile(world.path('rotten'))).stat })
  const changed = serving.prover.prove({ sha256, chunk: 1, nonce }, never)
  await expect(changed).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(world.verified).toEqual([sha256])

  await world.share('good', big)
  expect(await serving.prover.prove({ sha256, chunk: 1, nonce }, never)).toBe(
    proofOf(chunkOf(big.bytes, 1)),
  )
  await rm(world.path('good'))
  world.withdraw(rotten)
  const gone = serving.prover.prove({ sha256, chunk: 1, nonce }, never)
  await expect(gone).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  expect(world.rechecked).toContain('good')
})

test('chunks that are shown and not read are bounded, and given up with the request', async () => {
  const world = await aServingPeer()
  const one = aContent(10)
  await world.share('one', one)
  await using serving = await world.serve()
  const { sha256 } = one.content
  const asking = new AbortController()
  for (let count = 0; count < proofsMax; count += 1)
    await serving.prover.show({ sha256, chunk: 0 }, asking.signal)
  const another = (): Promise<string> => serving.prover.prove({ sha256, chunk: 0, nonce }, never)
  await expect(another()).rejects.toMatchObject({ code: 'BUSY' })
  asking.abort()
  expect(await another()).toBe(proofOf(one.bytes))
})

test('members that ask without end leave room for other members, and for the index', async () => {
  const world = await aServingPeer()
  const one = aContent(10)
  await world.share('one', one)
  await using serving = await world.serve()
  const { sha256 } = one.content
  const challenge = { sha256, chunk: 0, nonce }
  const member = (id: string, host: string): Promise<string> =>
    serving.prover.prove(challenge, never, { id, host })
  // One machine may run any number of members.
  const flood = Array.from({ length: 100 }, (_, number) => member(`liar${number}`, '192.0.2.9'))
  const others = [member('peer2', '192.0.2.2'), serving.prover.prove(challenge, never)]
  const outcomes = await Promise.allSettled(flood)
  const busy = outcomes.filter(({ status }) => status === 'rejected').length
  expect(busy).toBeGreaterThan(80)
  expect(await Promise.all(others)).toEqual([proofOf(one.bytes), proofOf(one.bytes)])
  // All of them have ended.
  expect(await member('liar0', '192.0.2.9')).toBe(proofOf(one.bytes))
})
