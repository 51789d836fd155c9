import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CopyKind } from '../../common/protocol/shapes.ts'
import { type ListSources, listFiles } from './file-list.ts'
import type { ListedFile } from './file-shapes.ts'
import type { ListKind } from './words.ts'

const content = { sha256: 'a'.repeat(64), size: 1 }

/** A peer with these files, `owner:name` for replicated ones, and an index that knows others. */
function peerWith(
  held: Readonly<Partial<Record<CopyKind, string[]>>>,
  remote: readonly string[] = [],
): ListSources {
  const keysOf = (kind: CopyKind) =>
    (held[kind] ?? []).map((text) => {
      const [name = '', owner] = text.split(':').toReversed()
      return owner === undefined ? { kind, name } : { kind, name, owner }
    })
  return {
    local(kind, limit, after) {
      const keys = keysOf(kind)
      const start = keys.findIndex(
        ({ name, owner }) => name === after?.name && owner === after.owner,
      )
      return keys.slice(start + 1, start + 1 + limit).map((at) => ({ at, content }))
    },
    async remote({ limit, after = '0' }) {
      const start = Number(after)
      const names = remote.slice(start, start + limit)
      const files = names.map((name) => ({ name, kind: 'remote' as const, ...content }))
      return start + limit < remote.length ? { files, next: String(start + limit) } : { files }
    },
  }
}

async function everyPage(
  kind: ListKind,
  limit: number,
  sources: ListSources,
): Promise<ListedFile[]> {
  const files: ListedFile[] = []
  let page = await listFiles({ kind, limit }, sources)
  files.push(...page.files)
  while (page.next !== undefined) {
    page = await listFiles({ kind, limit, after: page.next }, sources)
    files.push(...page.files)
  }
  return files
}

describe('a list', () => {
  test('of one kind has nothing of the others', async () => {
    const sources = peerWith({ shared: ['a'], downloaded: ['b'] }, ['c'])
    expect(await everyPage('downloaded', 10, sources)).toEqual([
      { name: 'b', kind: 'downloaded', ...content },
    ])
  })

  test('of everything goes through all kinds in order, whatever the page', async () => {
    const name = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(name, name, name, name, fc.integer({ min: 1, max: 9 }), async (...given) => {
        const [shared, downloaded, replicated, remote, limit] = given
        const owned = replicated.flatMap((each) => [`peer1:${each}`, `peer2:${each}`])
        const files = await everyPage(
          'both',
          limit,
          peerWith({ shared, downloaded, replicated: owned }, remote),
        )
        expect(files.map(({ kind, name: found }) => `${kind} ${found}`)).toEqual([
          ...shared.map((each) => `shared ${each}`),
          ...downloaded.map((each) => `downloaded ${each}`),
          ...replicated.flatMap((each) => [`replicated ${each}`, `replicated ${each}`]),
          ...remote.map((each) => `remote ${each}`),
        ])
      }),
    )
  })

  test.each(['', 'garbage', Buffer.from('{"kind":"none"}').toString('base64url')])(
    'does not begin after %j',
    async (after) => {
      await expect(
        listFiles({ kind: 'both', limit: 1, after }, peerWith({})),
      ).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      })
    },
  )

  test('of one kind does not begin where a list of another ended', async () => {
    const sources = peerWith({ shared: ['a', 'b'] })
    const { next = '' } = await listFiles({ kind: 'shared', limit: 1 }, sources)
    const wrong = listFiles({ kind: 'remote', limit: 1, after: next }, sources)
    await expect(wrong).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})
