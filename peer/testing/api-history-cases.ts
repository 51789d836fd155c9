import { expect, test } from 'vitest'
import type { CallName, PeerApi } from '../api/calls.ts'
import { type DeclareTests, failing, sha256Of } from './api-case.ts'

/** What calls about the history do. */
export const historyCases = {
  transfers: (subject) => {
    test('lists what is sent and received now', async () => {
      const transfers = await subject().api.transfers()
      for (const { peerId } of transfers) expect(peerId).toBeTruthy()
    })
  },
  history: (subject) => {
    test.each([undefined, 'peer1', 'all'])(
      'lists a download with its source, asked of %s',
      async (peer) => {
        const { api, shareElsewhere } = subject()
        const name = `history/${peer ?? 'none'}`
        await shareElsewhere(name, name)
        await downloaded(api, name)
        const from = [{ peerId: 'peer2', bytes: Buffer.byteLength(name) }]
        const row = { name, sha256: sha256Of(name), count: 1, from, to: 'peer1', at: 'peer1' }
        const page = { limit: 100, direction: 'in' as const, ...(peer !== undefined && { peer }) }
        await expect
          .poll(async () => (await api.history(page)).transfers, { timeout: 10_000 })
          .toContainEqual(expect.objectContaining(row))
      },
    )
    test('reads what another peer has sent, page by page', async () => {
      const { api, shareElsewhere } = subject()
      const names = ['sent/a', 'sent/b', 'sent/c']
      for (const name of names) {
        await shareElsewhere(name, name)
        await downloaded(api, name)
      }
      const request = { peer: 'peer2', direction: 'out' as const }
      const sent = async (): Promise<string[]> => {
        const found: string[] = []
        for (let after: string | undefined; ; ) {
          const asked = { ...request, limit: 2, ...(after !== undefined && { after }) }
          const { transfers, next } = await api.history(asked)
          found.push(...transfers.flatMap(({ name = '', at }) => (at === 'peer2' ? [name] : [])))
          after = next
          if (after === undefined) return found
        }
      }
      await expect.poll(sent, { timeout: 10_000 }).toEqual(expect.arrayContaining(names))
      const all = await sent()
      expect(new Set(all).size).toBe(all.length)
    })
    failing(subject, 'PEER_UNKNOWN', 'of an unknown peer', ({ api }) =>
      api.history({ limit: 1, peer: 'peer9' }),
    )
  },
  queries: (subject) => {
    test('lists queries with who made them and the answer', async () => {
      const { api, shareElsewhere } = subject()
      await shareElsewhere('asked for', 'text')
      await api.lookup({ name: 'asked for' })
      await api.lookup({ name: 'asked in vain' }).catch(() => {})
      const queries = async (): Promise<unknown> => (await api.queries({ limit: 500 })).queries
      const facts = { kind: 'lookup', by: 'command', at: 'peer1', count: 1 }
      const answer = { sha256: sha256Of('text'), found: 1, addresses: ['127.0.0.1:7101'] }
      await expect
        .poll(queries)
        .toContainEqual(expect.objectContaining({ ...facts, what: 'asked for', ...answer }))
      await expect
        .poll(queries)
        .toContainEqual(
          expect.objectContaining({ ...facts, what: 'asked in vain', error: 'NAME_NOT_FOUND' }),
        )
      expect((await api.queries({ limit: 1, peer: 'peer2' })).missing).toEqual([])
    })
  },
  series: (subject) => {
    test('has as many samples as a chart has room for', async () => {
      const { api } = subject()
      expect((await api.series({ hours: 1 })).everyMs).toBe(10_000)
      expect((await api.series({ hours: 24 })).everyMs).toBe(240_000)
    })
  },
} satisfies Partial<Record<CallName, DeclareTests>>

async function downloaded(api: PeerApi, name: string): Promise<void> {
  const { id } = await api.startDownload({ name })
  await expect.poll(() => api.download({ id, waitMs: 1_000 })).toMatchObject({ state: 'done' })
}
