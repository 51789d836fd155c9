import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { systemRandom } from '../random.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { Authority } from './authority.ts'
import { AuthorityStore } from './authority-store.ts'
import { tokenIdOf } from './join-token.ts'
import { tokenDesk } from './token-desk.ts'
import { makeRequest } from './x509.ts'

const hour = 3_600_000
const address = { host: 'index.test', port: 7_000 }

/** Adds tokens as another process would, in a single transaction: 8 digits of the number are the id. */
function addMany(
  { authorityFolder }: TestCluster,
  count: number,
  terms: { readonly expiresMs: number; readonly isRevoked: boolean },
): void {
  using store = new AuthorityStore(authorityFolder)
  store.transaction(() => {
    for (let place = 0; place < count; place++) {
      const tokenId = String(place).padStart(8, '0')
      const { expiresMs } = terms
      const token = {
        tokenId,
        role: 'reader',
        createdMs: place,
        expiresMs,
        usesMax: 1,
        createdBy: undefined,
      } as const
      store.addToken({ ...token, secretHash: Buffer.alloc(32) })
      if (terms.isRevoked) store.revokeToken(tokenId, undefined)
    }
  })
}

test('as many tokens are open as the limit says; one that is revoked or has expired makes room', async () => {
  const clock = new FakeClock()
  await using cluster = await TestCluster.create({ clock })
  const { tokens } = cluster.authority
  addMany(cluster, limits.openTokensMax - 1, {
    expiresMs: Math.floor(clock.nowMs()) + 2 * hour,
    isRevoked: false,
  })
  const further = (): string => tokens.create({ role: 'peer', forMs: hour })
  further()
  expect(further).toThrow(`There are already ${limits.openTokensMax} open join tokens`)
  tokens.revoke('00000000')
  further()
  expect(further).toThrow('open join tokens')
  await clock.advance(hour)
  further()
})

test('tokens that have ended are forgotten when they are too many, unused ones first', async () => {
  const clock = new FakeClock()
  await using cluster = await TestCluster.create({ clock })
  const { authority } = cluster
  const used = authority.tokens.create({ role: 'peer', forMs: hour })
  const { request } = await makeRequest('peer1')
  await authority.join({ secret: used, id: 'peer1', request, names: [] })
  authority.tokens.revoke(tokenIdOf(used))
  const expiresMs = Math.floor(clock.nowMs()) + hour
  addMany(cluster, limits.joinTokensMax - 1, { expiresMs, isRevoked: true })
  const ids = (): string[] => authority.tokens.list().map(({ tokenId }) => tokenId)
  expect(ids()).toHaveLength(limits.joinTokensMax)
  const newest = tokenIdOf(authority.tokens.create({ role: 'peer', forMs: hour }))
  expect(ids()).toHaveLength(limits.joinTokensMax)
  expect(ids()).not.toContain('00000000')
  expect(ids()).toEqual(expect.arrayContaining([newest, tokenIdOf(used), '00000001']))
  expect(authority.revokeJoinedWith(tokenIdOf(used))).toEqual(['peer1'])
})

test('what happens to tokens is told once, with who had it done, also what another process did', async () => {
  await using cluster = await TestCluster.create()
  const { authority } = cluster
  await cluster.member('peer1', 'admin')
  authority.tokens.takeNews()
  const dependencies = { clock: new FakeClock(1_000), random: systemRandom }
  using command = Authority.open(cluster.authorityFolder, dependencies)
  const here = tokenDesk(command, { role: 'admin', address })
  const { tokenId, command: line } = here.create({ role: 'peer', forMs: hour }, undefined)
  expect(line).toMatch(
    /^tandem peer --mesh --join tandem-1-[0-9a-f]{64}-[0-9a-f]{32}@index\.test:7000$/,
  )
  const desk = tokenDesk(authority, { role: 'index', address })
  desk.revoke({ tokenId }, 'peer1')
  desk.revoke({ tokenId }, 'peer2')
  // A member that is revoked takes its tokens with it.
  authority.revoke('peer1', 'peer3')
  const told = authority.tokens.takeNews()
  expect(
    told.map(({ kind, token, by }) => [kind, token.tokenId === tokenId, token.role, by]),
  ).toEqual([
    ['token-created', true, 'peer', undefined],
    ['token-revoked', true, 'peer', 'peer1'],
    ['token-revoked', false, 'admin', 'peer3'],
  ])
  expect(authority.tokens.takeNews()).toEqual([])
  expect(() => desk.revoke({ tokenId: '00000000' }, undefined)).toThrow(
    'There is no token 00000000',
  )
})

test('a secret is only in the answer to who has it made', async () => {
  await using cluster = await TestCluster.create()
  const desk = tokenDesk(cluster.authority, { role: 'index', address })
  const created = desk.create({ role: 'reader', forMs: hour, usesMax: 2 }, 'peer1')
  const { tokenId, token, command, expiresMs } = created
  expect(command).toBe(`tandem cluster join ${token} --id NAME --identity FOLDER`)
  const [, , , secret = ''] = token.split(/[-@]/)
  expect(secret).toHaveLength(32)
  expect(tokenId).toBe(secret.slice(0, 8))
  const shown = { tokenId, role: 'reader', usesMax: 2, uses: 0, expiresMs, isRevoked: false }
  expect(desk.list()).toMatchObject({ tokens: [shown] })
  const said = JSON.stringify([desk.list(), cluster.authority.tokens.takeNews()])
  expect(said).not.toContain(secret.slice(8))
  for (const name of ['authority.sqlite', 'authority.sqlite-wal'])
    expect((await readFile(join(cluster.authorityFolder, name))).includes(secret)).toBe(false)
})
