import { chmod, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import {
  readIdentityFiles,
  removeUnfinished,
  writeIdentityFiles,
  writePrivate,
} from './identity-files.ts'

let cluster: TestCluster
let folder: string
beforeAll(async () => {
  cluster = await TestCluster.create()
  folder = join(cluster.folder, 'copy')
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** Writes the identity of the authority's process into a folder. */
async function written(): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  const { key, cert } = cluster.own.credentials
  const { signedTrust } = cluster.own
  await writeIdentityFiles(folder, { key, chain: cert, signedTrust, joinedAt: 'index:7000' })
}

const names = ['ca.pem', 'joined-at', 'node.pem', 'trust.json']

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

test('an identity is read as it was written, and only its owner may read it', async () => {
  await written()
  const { key, ca } = cluster.own.credentials
  const read = await readIdentityFiles(folder)
  expect(read).toMatchObject({ key, joinedAt: 'index:7000', trust: { authorities: ca } })
  expect(await modeOf(folder)).toBe(0o700)
  for (const name of await readdir(folder))
    expect(await modeOf(join(folder, name)), name).toBe(0o600)
  expect(await modeOf(join(cluster.folder, 'authority/authority.sqlite'))).toBe(0o600)
})

test('several that write the same file at the same time do not disturb each other', async () => {
  await written()
  const path = join(folder, 'trust.json')
  const texts = Array.from({ length: 20 }, (_, number) => String(number).repeat(1_000))
  await Promise.all(texts.map((text) => writePrivate(path, text)))
  expect(texts).toContain(await readFile(path, 'utf8'))
  expect((await readdir(folder)).toSorted()).toEqual(names)
})

test('what a killed process has not finished to write is removed, but nothing that is being written', async () => {
  await written()
  const [left, other] = ['node.pem.0123456789abcdef.new', 'node.pem.fedcba9876543210.new']
  for (const name of [left, other]) await writeFile(join(folder, name), 'half')
  const before = systemClock.nowMs() / 1_000 - 61
  await utimes(join(folder, left), before, before)
  await removeUnfinished(folder, systemClock.nowMs())
  expect((await readdir(folder)).toSorted()).toEqual([...names, other].toSorted())
  await removeUnfinished(join(folder, 'none'), systemClock.nowMs())
})

test('programs find the certificates of the authorities in a file', async () => {
  await written()
  const [authority = ''] = cluster.own.credentials.ca
  expect(await readFile(join(folder, 'ca.pem'), 'utf8')).toBe(`${authority}\n`)
})

test.each([0o640, 0o604])('a key that others may read is not used: mode %o', async (mode) => {
  await written()
  await chmod(join(folder, 'node.pem'), mode)
  const read = readIdentityFiles(folder)
  await expect(read).rejects.toThrow(/other users may read .*chmod 600/)
  await expect(read).rejects.toSatisfy((error) => hasCode(error, 'IDENTITY_UNUSABLE'))
})

test('without a folder there is none, and a damaged one is not used', async () => {
  expect(await readIdentityFiles(join(cluster.folder, 'none'))).toBeUndefined()
  await written()
  await writeFile(join(folder, 'trust.json'), '{}')
  await expect(readIdentityFiles(folder)).rejects.toThrow(/cannot be used/)
})
