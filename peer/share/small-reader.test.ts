import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { aContent, type TestContent } from '../../common/testing/contents.ts'
import { aServingPeer, type ServeWorld } from '../testing/serve-world.ts'

const mebibyte = 1024 * 1024

const hashesOf = (...contents: TestContent[]): string[] =>
  contents.map(({ content }) => content.sha256)

async function aReader(...contents: TestContent[]) {
  const world: ServeWorld = await aServingPeer()
  for (const [number, content] of contents.entries()) await world.share(`file ${number}`, content)
  return { world, reader: world.contents().smallReader }
}

test('the bytes of small contents are read; a file that is gone is rechecked', async () => {
  const [gone, one] = [aContent(11), aContent(10)]
  const { world, reader } = await aReader(gone, one)
  await rm(world.path('file 0'))
  const read = await reader.read(hashesOf(gone, one, aContent(12)))
  expect(read.map((bytes) => bytes && Buffer.from(bytes))).toEqual([
    undefined,
    one.bytes,
    undefined,
  ])
  expect(world.rechecked).toEqual(['file 0'])
})

test('the contents of one read are bounded, and have one chunk each', async () => {
  const contents = Array.from({ length: 5 }, (_, number) => aContent(mebibyte, `large ${number}`))
  const several = aContent(limits.chunkBytesMin + 1)
  const { reader } = await aReader(several, ...contents)
  const read = await reader.read(hashesOf(several, ...contents))
  expect(read.map((bytes) => bytes?.length ?? 0)).toEqual([
    0,
    ...[1, 1, 1, 1].map(() => mebibyte),
    0,
  ])
  const found = reader.find(hashesOf(aContent(1), several))
  expect(found).toEqual(['CONTENT_NOT_FOUND', 'TOO_LARGE'])
})

test('a file whose folder was replaced by a link out of the root is not read', async () => {
  const one = aContent(10)
  const { world, reader } = await aReader()
  const root = dirname(world.path('d'))
  await mkdir(world.path('d'))
  await world.share('d/a', one)
  expect(await reader.read(hashesOf(one))).toMatchObject([{ length: 10 }])
  onTestFinished(async () => await rm(`${root}-outside`, { recursive: true }))
  await rename(world.path('d'), `${root}-outside`)
  await symlink(`${root}-outside`, world.path('d'))
  expect(await reader.read(hashesOf(one))).toEqual([undefined])
})
