/** A disk that gives no bytes any longer, but still lists its files. */
import { expect, test } from 'vitest'
import { ShareFixture } from '../testing/share-fixture.ts'
import type { Verdict } from './copy-verifier.ts'
import type { Entry } from './entry.ts'

const { signal } = new AbortController()

async function aPeer(files: number, folder = 'shared'): Promise<ShareFixture> {
  const peer = await ShareFixture.create()
  for (let number = 0; number < files; number++)
    await peer.write(`${folder}/file ${number}`, `text ${number}`)
  await peer.start()
  return peer
}

const kinds = ['shared', 'downloaded', 'replicated'] as const

function entriesOf({ share }: ShareFixture): Entry[] {
  return kinds.flatMap((kind) => share.list(kind, 1_000))
}

/** Reads all copies like a scrub. */
async function readAll(peer: ShareFixture): Promise<Record<string, number>> {
  const verdicts: Record<string, number> = {}
  for (const { at } of entriesOf(peer)) {
    const verdict: Verdict = await peer.share.readCopy(at.path, { signal })
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
  }
  return verdicts
}

test.each(['shared', 'downloaded', 'replicated/peer2'])(
  'a disk of %s that fails is one fault of the folder, and its files return with it',
  async (folder) => {
    await using peer = await aPeer(30, folder)
    const [root] = folder.split('/')
    expect(await readAll(peer)).toEqual({ good: 30 })
    peer.isUnreadable = true
    expect(await readAll(peer)).toEqual({ bad: 3, away: 27 })
    expect(peer.share.keptFolders()).toMatchObject([
      { folder: root, reason: 'cannot be read: its disk fails', files: 30 },
    ])
    await peer.rescan()
    const problems = peer.share.problems().filter(({ code }) => code === 'FOLDER_AWAY')
    expect(problems).toHaveLength(1)
    peer.isUnreadable = false
    await peer.change(async () => await peer.rescan())
    await expect.poll(() => peer.share.damagedCount).toBe(0)
    expect(peer.share.keptFolders()).toEqual([])
    expect(await readAll(peer)).toEqual({ good: 30 })
    await peer.rescan()
    expect(peer.share.problems()).toEqual([])
  },
)

test('nothing is put into a folder whose disk fails', async () => {
  await using peer = await aPeer(9)
  peer.isUnreadable = true
  expect(await readAll(peer)).toEqual({ bad: 3, away: 6 })
  const pushed = peer.share.receive(stream('new'), { name: 'new', replace: false })
  await expect(pushed).rejects.toMatchObject({ code: 'FOLDER_UNAVAILABLE' })
})

async function* stream(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

test('one file that cannot be read is a damaged copy, and so are several among good ones', async () => {
  await using peer = await aPeer(30)
  const entries = entriesOf(peer)
  const read = async (place: number, isUnreadable: boolean): Promise<Verdict> => {
    peer.isUnreadable = isUnreadable
    return await peer.share.readCopy(entries[place]?.at.path ?? '', { signal })
  }
  for (let place = 0; place < 20; place += 2) {
    expect(await read(place, true)).toBe('bad')
    expect(await read(place + 1, false)).toBe('good')
  }
  // The same file again and again is one file.
  for (let time = 0; time < 9; time++) expect(await read(20, true)).toBe('bad')
  expect(peer.share.keptFolders()).toEqual([])
  expect(peer.share.damagedCount).toBe(11)
})

test('files in a row that cannot be read are damaged while others can be read', async () => {
  await using peer = await aPeer(30)
  const entries = entriesOf(peer)
  peer.isUnreadable = true
  peer.areSomeReadable = true
  for (const { at } of entries.slice(0, 12))
    expect(await peer.share.readCopy(at.path, { signal })).toBe('bad')
  expect(peer.share.keptFolders()).toEqual([])
})
