import { createHash } from 'node:crypto'
import { readdir, readFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hashBytes } from '../../common/content/chunks.ts'
import { hashFile } from '../../common/content/hash.ts'
import type { Change } from '../../common/protocol/messages.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import { flushDelayMs } from './flusher.ts'
import { leftoverKeptMs } from './remove-file.ts'

const key = { kind: 'replicated', owner: 'peer2', name: 'notes/a.txt' } as const
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

type Adopt = (peer: ShareFixture, text: string) => Promise<unknown>

const ways: Record<string, Adopt> = {
  fetched: async (peer, text) => {
    const partialPath = await peer.write('.tandem/partial/fetched', text)
    const { content, chunkList } = await hashFile(partialPath)
    await peer.share.adopt({ key, partialPath, content, chunkList })
  },
  small: async (peer, text) => {
    const sha256 = sha256Of(text)
    const content = { sha256, size: text.length, chunkRoot: sha256 }
    await peer.share.adoptGroup([{ key, content, bytes: Buffer.from(text) }])
  },
}

/** What the index would be told in the end: the content of each copy, those that are kept aside in brackets. */
function announced(peer: ShareFixture, texts: readonly string[]): string[] {
  const changes = peer.share.catalog.changesSince(0, 100)
  return changes
    .filter((change): change is Extract<Change, { op: 'put' }> => change.op === 'put')
    .map(({ sha256, version }) => {
      const text = texts.find((one) => sha256Of(one) === sha256) ?? sha256
      return version === undefined ? text : `(${text})`
    })
    .toSorted()
}

describe.each(Object.entries(ways))('a %s replica', (_, adopt) => {
  test('of other content moves the previous one aside, which is announced, served and found again', async () => {
    await using peer = await ShareFixture.create()
    await peer.start()
    const texts = ['v1', 'v2', 'v3']
    for (const text of texts) await adopt(peer, text)
    const expectAll = async (): Promise<void> => {
      expect(announced(peer, texts)).toEqual(['(v1)', '(v2)', 'v3'])
      for (const text of texts) {
        const entry = peer.share.first(sha256Of(text))
        expect(entry && (await readFile(entry.at.path, 'utf8'))).toBe(text)
      }
      expect(await readFile(join(peer.path, 'replicated/peer2/notes/a.txt'), 'utf8')).toBe('v3')
    }
    await expectAll()
    const paths = new Map(
      texts.map((text) => [text, peer.share.first(sha256Of(text))?.at.path] as const),
    )
    expect(peer.share.list('replicated', 10)).toHaveLength(1)
    const { lastSeq } = peer.share.catalog
    await peer.rescan()
    expect(peer.share.catalog.lastSeq).toBe(lastSeq)
    await peer.stop()
    await peer.start()
    await expectAll()

    // Nor does it need the catalog for that, once the files are quiet.
    await peer.stop()
    for (const text of texts) {
      const path = paths.get(text) ?? ''
      await utimes(path, 1, 1)
    }
    await rm(join(peer.path, '.tandem'), { recursive: true })
    await peer.start()
    await expectAll()
  })

  test('is removed version by version, with the folders that become empty', async () => {
    await using peer = await ShareFixture.create()
    await peer.start()
    for (const text of ['v1', 'v2', 'v3']) await adopt(peer, text)
    const { owner, name } = key
    await peer.share.removeReplica({ owner, name, sha256: sha256Of('v1') })
    expect(announced(peer, ['v1', 'v2', 'v3'])).toEqual(['(v2)', 'v3'])
    await peer.share.removeReplica({ owner, name, sha256: sha256Of('v3') })
    expect(announced(peer, ['v1', 'v2', 'v3'])).toEqual(['(v2)'])
    await peer.share.removeReplica({ owner, name, sha256: sha256Of('v2') })
    expect(announced(peer, [])).toEqual([])
    expect(await readdir(join(peer.path, 'replicated'))).toEqual([])
  })

  test('with an earlier content takes its place again, and the copy aside is removed', async () => {
    await using peer = await ShareFixture.create()
    await peer.start()
    for (const text of ['v1', 'v2', 'v1']) await adopt(peer, text)
    expect(await readFile(join(peer.path, 'replicated/peer2/notes/a.txt'), 'utf8')).toBe('v1')
    await peer.clock.advance(flushDelayMs)
    await expect.poll(() => announced(peer, ['v1', 'v2'])).toEqual(['(v2)', 'v1'])
    const { owner, name } = key
    await peer.share.removeReplica({ owner, name, sha256: sha256Of('v2') })
    expect(peer.share.first(sha256Of('v2'))).toBeUndefined()
    expect(peer.share.first(sha256Of('v1'))).toBeDefined()
  })
})

test('during a replacement the index is never told of fewer contents than exist', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await ways['small']?.(peer, 'v1')
  const seen: string[][] = []
  peer.share.catalog.onChange(() => seen.push(announced(peer, ['v1', 'v2'])))
  await ways['small']?.(peer, 'v2')
  expect(seen.length).toBeGreaterThan(0)
  for (const contents of seen) expect(contents.join()).toContain('v1')
})

test('a large replica that is moved aside keeps its chunk list', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const large = 'm'.repeat(2 ** 20 + 1)
  await ways['fetched']?.(peer, large)
  await ways['fetched']?.(peer, 'v2')
  expect(peer.share.chunkList(sha256Of(large))?.byteLength).toBe(2 * hashBytes)
})

test('what is in the folder of a version and has other content is no copy, and is removed after a day', async () => {
  await using peer = await ShareFixture.create()
  const { owner, name } = key
  const aside = (version: string): string => `replicated/.replaced/${owner}/${version}`
  const longAgoMs = peer.clock.nowMs() - 2 * leftoverKeptMs
  await peer.write(`${aside(sha256Of('v0'))}/${name}`, 'spoiled long ago', longAgoMs)
  await peer.write(`${aside(sha256Of('v1'))}/${name}`, 'spoiled')
  await peer.write(`replicated/.replaced/${owner}/${sha256Of('v2')}/${name}`, 'v2')
  await peer.start()
  expect(announced(peer, ['v1', 'v2'])).toEqual(['(v2)'])
  const versions = async (): Promise<string[]> => await readdir(join(peer.path, aside('')))
  await expect.poll(versions).toEqual([sha256Of('v1'), sha256Of('v2')].toSorted())
})
