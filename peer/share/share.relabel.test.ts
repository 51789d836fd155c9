import { existsSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ShareFixture } from '../testing/share-fixture.ts'

describe('relabelling', () => {
  const relabelling = (from: string, to: string, sha256: string, version?: string) => ({
    from: { owner: 'owner', name: from },
    to: { owner: 'owner', name: to },
    sha256,
    ...(version !== undefined && { version }),
  })
  const replicas = (peer: ShareFixture): string[] =>
    peer.share.list('replicated', 99).map(({ at, content }) => `${at.name} ${content.size}`)
  const hashOf = (peer: ShareFixture, name: string): string =>
    peer.share.get({ kind: 'replicated', owner: 'owner', name })?.content.sha256 ?? ''

  test('moves the file, and leaves no empty folder and no old name', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('replicated/owner/old/deep/f', 'text')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    const sha256 = hashOf(peer, 'old/deep/f')
    expect(await peer.share.relabel([relabelling('old/deep/f', 'new/f', sha256)])).toEqual([true])
    const root = join(peer.path, 'replicated/owner')
    expect(await readFile(join(root, 'new/f'), 'utf8')).toBe('text')
    expect(existsSync(join(root, 'old'))).toBe(false)
    const changes = peer.share.catalog.changesSince(lastSeq, 9)
    expect(changes.map(({ op, name }) => `${op} ${name}`)).toEqual(['put new/f', 'drop old/deep/f'])
    await peer.rescan()
    expect(replicas(peer)).toEqual(['new/f 4'])
  })

  test('never replaces other content, and joins the same content', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('replicated/owner/old', 'text')
    await peer.write('replicated/owner/new', 'other content')
    await peer.write('replicated/owner/twin', 'text')
    await peer.start()
    const sha256 = hashOf(peer, 'old')
    const other = hashOf(peer, 'new')
    expect(
      await peer.share.relabel([
        relabelling('old', 'new', sha256),
        relabelling('twin', 'new', sha256),
        relabelling('unknown', 'x', sha256),
        relabelling('new', 'y', 'f'.repeat(64)),
      ]),
    ).toEqual([true, true, false, false])
    expect(replicas(peer)).toEqual(['new 4'])
    // The other content is kept aside, and can be moved from there.
    const aside = peer.share.find(other)
    expect(aside).toMatchObject([{ at: { name: 'new', version: other } }])
    expect(await peer.share.relabel([relabelling('new', 'home', other, other)])).toEqual([true])
    expect(replicas(peer)).toEqual(['home 13', 'new 4'])
    await peer.rescan()
    expect(replicas(peer)).toEqual(['home 13', 'new 4'])
  })

  test('of many files is one commit, and each has its place', async () => {
    await using peer = await ShareFixture.create()
    const names = Array.from({ length: 60 }, (_, number) => `${number % 3}/${number}`)
    for (const name of names) await peer.write(`replicated/owner/old/${name}`, `text of ${name}`)
    // One place is taken by a file that the catalog does not know yet, one by a folder.
    await peer.start()
    await peer.write('replicated/owner/new/0/0', 'something else')
    await peer.write('replicated/owner/new/1/1/folder', 'in the way')
    let commits = 0
    peer.share.catalog.onChange(() => (commits += 1))
    const moved = await peer.share.relabel(
      names.map((name) => relabelling(`old/${name}`, `new/${name}`, hashOf(peer, `old/${name}`))),
    )
    expect(moved).toEqual(names.map(() => true))
    expect(commits).toBeLessThanOrEqual(4)
    await peer.rescan()
    for (const name of names) {
      const entry = peer.share.get({ kind: 'replicated', owner: 'owner', name: `new/${name}` })
      expect(await readFile(entry?.at.path ?? name, 'utf8')).toBe(`text of ${name}`)
    }
    expect(existsSync(join(peer.path, 'replicated/owner/old'))).toBe(false)
  })

  test('survives a kill -9 before it has removed the empty folders', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('replicated/owner/old/deep/f', 'text', 1_600_000_000_000)
    await peer.start()
    await peer.stop()
    const root = join(peer.path, 'replicated/owner')
    await mkdir(join(root, 'new'))
    await rename(join(root, 'old/deep/f'), join(root, 'new/f'))
    await peer.start()
    await peer.rescan()
    expect(replicas(peer)).toEqual(['new/f 4'])
    expect(existsSync(join(root, 'old'))).toBe(false)
  })

  test.each(['linked under both names', 'moved'])(
    'survives a kill -9 when files are %s, but not recorded',
    async (state) => {
      await using peer = await ShareFixture.create()
      const names = Array.from({ length: 40 }, (_, number) => String(number))
      for (const name of names)
        await peer.write(`replicated/owner/old/${name}`, name, 1_600_000_000_000)
      await peer.start()
      const hashes = names.map((name) => hashOf(peer, `old/${name}`))
      const root = join(peer.path, 'replicated/owner')
      await peer.stop()
      await mkdir(join(root, 'new'))
      for (const name of names.slice(0, 20)) {
        await link(join(root, 'old', name), join(root, 'new', name))
        if (state === 'moved') await rm(join(root, 'old', name))
      }
      await peer.start()
      await peer.rescan()
      const held = hashes.map((sha256) => peer.share.find(sha256).length)
      expect(held.every((copies) => copies > 0)).toBe(true)
      // The index has not heard that they were moved, or hears it by the scan: it asks again.
      const moved = await peer.share.relabel(
        names.map((name, index) => relabelling(`old/${name}`, `new/${name}`, hashes[index] ?? '')),
      )
      expect(moved).toEqual(names.map((_, index) => state !== 'moved' || index >= 20))
      expect(replicas(peer).toSorted()).toEqual(
        names.map((name) => `new/${name} ${name.length}`).toSorted(),
      )
      expect(existsSync(join(root, 'old'))).toBe(false)
    },
  )

  test('leaves a file that a user has changed, or that has its name, and refuses names that leave the folder', async () => {
    await using peer = await ShareFixture.create()
    const path = await peer.write('replicated/owner/old', 'text')
    await peer.start()
    const sha256 = hashOf(peer, 'old')
    expect(await peer.share.relabel([relabelling('old', '../../shared/x', sha256)])).toEqual([
      false,
    ])
    expect(await peer.share.relabel([relabelling('old', 'old', sha256)])).toEqual([false])
    expect(await readFile(path, 'utf8')).toBe('text')
    await writeFile(path, 'changed')
    expect(await peer.share.relabel([relabelling('old', 'new', sha256)])).toEqual([false])
    expect(await readFile(path, 'utf8')).toBe('changed')
  })
})
