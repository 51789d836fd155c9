import { expect, test } from 'vitest'
import type { CallName } from '../api/calls.ts'
import {
  codeOf,
  type DeclareTests,
  failing,
  inPieces,
  names,
  pushed,
  sha256Of,
} from './api-case.ts'

/** What calls about files do. */
export const fileCases = {
  push: (subject) => {
    test.each([...names])('shares a file called %s', async (name) => {
      const { api } = subject()
      expect(await pushed(api, name)).toMatchObject({ name, sha256: sha256Of(name) })
    })
    test('takes no bytes, and many', async () => {
      const { api } = subject()
      const push = async (name: string, ...pieces: string[]): Promise<number> =>
        (await api.push({ name, bytes: inPieces(...pieces), replace: false, wait: true })).size
      expect(await push('empty')).toBe(0)
      const piece = 'm'.repeat(2 ** 18)
      expect(await push('large', ...Array.from({ length: 21 }, () => piece))).toBe(21 * 2 ** 18)
    })
    test('replaces a file of other content only if told to', async () => {
      const { api } = subject()
      const push = (text: string, replace: boolean): Promise<unknown> =>
        api.push({ name: 'replaced', bytes: inPieces(text), replace, wait: false })
      await push('first', false)
      expect(await codeOf(push('second', false))).toBe('NAME_EXISTS')
      expect(await push('second', true)).toMatchObject({ sha256: sha256Of('second') })
    })
    failing(subject, 'NAME_INVALID', 'of a name that leaves the folder', ({ api }) =>
      api.push({ name: '/etc/passwd', bytes: inPieces('x'), replace: false, wait: false }),
    )
  },
  lookup: (subject) => {
    test.each([...names])('names who has %s', async (name) => {
      const { api } = subject()
      await pushed(api, name)
      const size = Buffer.byteLength(name)
      const file = { sha256: sha256Of(name), size, sources: [expect.anything()] as unknown }
      await expect.poll(() => api.lookup({ name })).toMatchObject({ name, files: [file] })
    })
    failing(subject, 'NAME_NOT_FOUND', 'of an unknown file', ({ api }) =>
      api.lookup({ name: 'unknown' }),
    )
    failing(subject, 'NAME_INVALID', 'of no name', ({ api }) => api.lookup({ name: '../secret' }))
  },
  findContent: (subject) => {
    test('names a file with the content', async () => {
      const { api } = subject()
      await pushed(api, 'hashed/a.txt')
      const sha256 = sha256Of('hashed/a.txt')
      const found = { sha256, name: 'hashed/a.txt', size: 12 }
      await expect.poll(() => api.findContent({ sha256 }).catch(() => {})).toEqual(found)
    })
    failing(subject, 'CONTENT_NOT_FOUND', 'of an unknown content', ({ api }) =>
      api.findContent({ sha256: sha256Of('unknown content') }),
    )
  },
  search: (subject) => {
    test('finds names page by page', async () => {
      const { api } = subject()
      const wanted = ['found/a', 'found/b', 'found/c']
      for (const name of wanted) await pushed(api, name)
      const q = 'found/'
      const count = async (): Promise<number> => (await api.search({ q, limit: 9 })).files.length
      await expect.poll(count).toBe(wanted.length)
      const first = await api.search({ q, limit: 2 })
      expect(first.next).toEqual(expect.any(String))
      const second = await api.search({ q, limit: 2, after: first.next ?? '' })
      expect(second.next).toBeUndefined()
      const found = [...first.files, ...second.files].map(({ name }) => name)
      expect(found.toSorted()).toEqual(wanted)
    })
  },
  folder: (subject) => {
    test('gives the files and folders in a folder page by page', async () => {
      const { api } = subject()
      const inFolder = ['tree/a', 'tree/b/c', 'tree/b/d/e', "tree/ż 'o'%2F", 'tree/z']
      for (const name of inFolder) await pushed(api, name)
      const listed = async (folder: string): Promise<string[]> => {
        const entries: string[] = []
        let after: string | undefined
        do {
          const page = await api.folder({ folder, limit: 2, ...(after && { after }) })
          expect(page.entries.length).toBeLessThanOrEqual(2)
          entries.push(...page.entries.map(({ type, name }) => `${type} ${name}`))
          after = page.next
        } while (after !== undefined)
        return entries
      }
      await expect
        .poll(() => listed('tree'))
        .toEqual(['file a', 'folder b', 'file z', "file ż 'o'%2F"])
      expect(await listed('/tree/b/')).toEqual(['file c', 'folder d'])
      expect(await listed('')).toContain('folder tree')
      expect(await listed('tree/none')).toEqual([])
      const { folder, entries } = await api.folder({ folder: 'tree/b/d/', limit: 5 })
      const sha256 = sha256Of('tree/b/d/e')
      expect(folder).toBe('tree/b/d')
      expect(entries).toMatchObject([{ type: 'file', name: 'e', size: 10, sha256, versions: 1 }])
    })
    failing(subject, 'NAME_INVALID', 'of no folder', ({ api }) =>
      api.folder({ folder: 'a/../b', limit: 1 }),
    )
  },
  list: (subject) => {
    test('gives files page by page', async () => {
      const { api } = subject()
      for (const name of ['listed/a', 'listed/b', 'listed/c']) await pushed(api, name)
      const all = await api.list({ kind: 'shared', limit: 500 })
      expect(all.next).toBeUndefined()
      const paged: unknown[] = []
      let after: string | undefined
      do {
        const page = await api.list({ kind: 'shared', limit: 2, ...(after && { after }) })
        expect(page.files.length).toBeLessThanOrEqual(2)
        paged.push(...page.files)
        after = page.next
      } while (after !== undefined)
      expect(paged).toEqual(all.files)
      expect(paged).toContainEqual(expect.objectContaining({ name: 'listed/c', kind: 'shared' }))
    })
  },
  why: (subject) => {
    test('says where the copies of a file are', async () => {
      const { api } = subject()
      await pushed(api, 'explained')
      const copies = async (): Promise<number | undefined> =>
        (await api.why({ name: 'explained' })).contents[0]?.copies.length
      await expect.poll(() => copies().catch(() => 0)).toBe(1)
    })
    test('says why a file is not shared', async () => {
      const { api, brokenLink } = subject()
      const { problems } = await api.why({ name: brokenLink })
      expect(problems).toMatchObject([{ code: 'LINK_BROKEN', name: brokenLink }])
    })
    failing(subject, 'NAME_NOT_FOUND', 'of an unknown file', ({ api }) =>
      api.why({ name: 'unknown' }),
    )
  },
  versions: (subject) => {
    test('gives the current content of a file', async () => {
      const { api } = subject()
      await pushed(api, 'versioned')
      const version = { sha256: sha256Of('versioned'), state: 'current' }
      await expect
        .poll(() => api.versions({ name: 'versioned', limit: 1 }))
        .toMatchObject({ name: 'versioned', versions: [version] })
    })
    failing(subject, 'NAME_NOT_FOUND', 'of an unknown file', ({ api }) =>
      api.versions({ name: 'unknown', limit: 1 }),
    )
    test('refuses what is no cursor', async () => {
      const { api } = subject()
      await pushed(api, 'versioned')
      await expect.poll(() => codeOf(api.versions({ name: 'versioned', limit: 1 }))).toBe(undefined)
      const page = api.versions({ name: 'versioned', limit: 1, after: '!' })
      expect(await codeOf(page)).toBe('BAD_REQUEST')
    })
  },
  trash: (subject) => {
    test('lists no file while none was deleted', async () => {
      const { api } = subject()
      expect(await api.trash({ q: '', limit: 9 })).toEqual({ files: [] })
    })
  },
  emptyTrash: (subject) => {
    test('removes nothing while no file was deleted', async () => {
      const { api } = subject()
      expect(await api.emptyTrash({ pattern: '**' })).toEqual({ removed: 0, others: 0 })
    })
  },
  restore: (subject) => {
    failing(subject, 'NOT_IN_TRASH', 'of a file that was not deleted', ({ api }) =>
      api.restore({ name: 'unknown' }),
    )
    failing(subject, 'NAME_INVALID', 'of a name that leaves the folder', ({ api }) =>
      api.restore({ name: '../x' }),
    )
  },
  unshare: (subject) => {
    test.each([...names])('takes out %s', async (plain) => {
      const { api } = subject()
      const name = `out/${plain}`
      await pushed(api, name)
      await expect.poll(() => codeOf(api.lookup({ name }))).toBeUndefined()
      expect(await api.unshare({ name })).toBeUndefined()
      expect(await codeOf(api.unshare({ name }))).toBe('NOT_SHARED')
    })
    failing(subject, 'NOT_SHARED', 'of an unknown file', ({ api }) =>
      api.unshare({ name: 'unknown' }),
    )
    test('fails with NOT_OWNER of a file of another peer', async () => {
      const { api, shareElsewhere } = subject()
      await shareElsewhere('theirs', 'theirs')
      const unsharing = api.unshare({ name: 'theirs', owner: 'peer2' })
      expect(await codeOf(unsharing)).toBe('NOT_OWNER')
    })
  },
  unshareMatching: (subject) => {
    test('takes out what matches, page by page', async () => {
      const { api } = subject()
      for (const name of ['many/a', 'many/b']) await pushed(api, name)
      const q = 'many/'
      const count = async (): Promise<number> => (await api.search({ q, limit: 9 })).files.length
      await expect.poll(count).toBe(2)
      let unshared = 0
      let after: string | undefined
      do {
        const page = await api.unshareMatching({ pattern: 'many/**', ...(after && { after }) })
        unshared += page.unshared
        after = page.next
      } while (after !== undefined)
      expect(unshared).toBe(2)
      expect(await count()).toBe(0)
    })
  },
} satisfies Partial<Record<CallName, DeclareTests>>
