import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ShareFixture } from '../testing/share-fixture.ts'
import { CopyChecker } from './copy-checker.ts'

const any = { mayBeReplica: true }
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

async function aKeeper(): Promise<ShareFixture> {
  const peer = await ShareFixture.create()
  await peer.write('replicated/peer2/a.txt', 'replica')
  await peer.write('shared/b.txt', 'shared')
  await peer.write('replicated/peer2/c.txt', 'shared')
  await peer.start()
  return peer
}

function hasCopy(peer: ShareFixture, text: string, options = any): Promise<boolean> {
  return peer.share.hasCopy(sha256Of(text), options)
}

test('a copy is one that is on the disk as it was recorded', async () => {
  await using peer = await aKeeper()
  expect(await hasCopy(peer, 'replica')).toBe(true)
  expect(await hasCopy(peer, 'shared')).toBe(true)
  expect(await hasCopy(peer, 'unknown')).toBe(false)
})

test('a file of another kind is a copy even while replicas do not count', async () => {
  await using peer = await aKeeper()
  expect(await hasCopy(peer, 'replica', { mayBeReplica: false })).toBe(false)
  expect(await hasCopy(peer, 'shared', { mayBeReplica: false })).toBe(true)
  await rm(join(peer.path, 'shared/b.txt'))
  expect(await hasCopy(peer, 'shared', { mayBeReplica: false })).toBe(false)
  expect(await hasCopy(peer, 'shared')).toBe(true)
})

test.each<[string, (path: string) => Promise<void>]>([
  ['deleted', (path) => rm(path)],
  ['written', (path) => writeFile(path, 'altered')],
])('a file that was %s is no copy, and is compared with the catalog', async (_, alter) => {
  await using peer = await aKeeper()
  const rechecked: string[] = []
  const recheck = (path: string): void => void rechecked.push(path)
  const checker = new CopyChecker({ catalog: peer.share, recheck })
  const path = join(peer.path, 'replicated/peer2/a.txt')
  await alter(path)
  expect(await checker.has(sha256Of('replica'), any)).toBe(false)
  expect(await checker.has(sha256Of('shared'), any)).toBe(true)
  expect(rechecked).toEqual([path])
})
