import { expect, test } from 'vitest'
import type { CallName } from '../api/calls.ts'
import { allPeers } from '../api/pages.ts'
import { type DeclareTests, failing } from './api-case.ts'

/** What calls about the peer and the cluster do. */
export const clusterCases = {
  problems: (subject) => {
    test('lists what is not shared', async () => {
      const { api, brokenLink } = subject()
      const page = await api.problems({ limit: 1 })
      expect(page).toMatchObject({
        total: 1,
        problems: [{ code: 'LINK_BROKEN', name: brokenLink }],
      })
      expect(page.next).toBeUndefined()
    })
    failing(subject, 'BAD_REQUEST', 'after what is no cursor', ({ api }) =>
      api.problems({ limit: 1, after: '!' }),
    )
  },
  peers: (subject) => {
    test('lists the peers', async () => {
      const { api } = subject()
      const ids = (await allPeers(api)).map(({ peerId }) => peerId)
      expect(ids).toEqual(expect.arrayContaining(['peer1', 'peer2']))
    })
    test('has pages', async () => {
      const { api } = subject()
      const first = await api.peers({ limit: 1 })
      expect(first.peers).toMatchObject([{ peerId: 'peer1' }])
      const second = await api.peers({ limit: 1, after: first.next ?? '' })
      expect(second.peers).toMatchObject([{ peerId: 'peer2' }])
      expect(second.next).toBeUndefined()
    })
    failing(subject, 'BAD_REQUEST', 'after what is no cursor', ({ api }) =>
      api.peers({ limit: 1, after: '!' }),
    )
  },
  stats: (subject) => {
    test('says how the peer performs', async () => {
      const { api } = subject()
      expect(await api.stats()).toMatchObject({ peerId: 'peer1' })
    })
  },
  status: (subject) => {
    test('says how the cluster and the peer are', async () => {
      const { api } = subject()
      expect(await api.status()).toMatchObject({ peer: { peerId: 'peer1', problems: 1 } })
    })
  },
  events: (subject) => {
    test('lists what happened, newest first or after a cursor, with a sentence', async () => {
      const { api } = subject()
      // Another peer joins for another case, sooner or later.
      await expect
        .poll(async () => (await api.events({ limit: 500, kinds: 'peer-joined' })).events)
        .toEqual(
          expect.arrayContaining([
            expect.objectContaining({ peerId: 'peer1' }),
            expect.objectContaining({ peerId: 'peer2' }),
          ]),
        )
      const { events } = await api.events({ limit: 500 })
      const [first, ...rest] = events.toReversed()
      const after = first?.id ?? ''
      const page = await api.events({ limit: 500, after })
      const ids = page.events.map(({ id }) => id)
      expect(ids.slice(0, rest.length)).toEqual(rest.map(({ id }) => id))
      expect(page).toMatchObject({ isMore: false, next: page.newest })
      const joined = await api.events({ limit: 1, peerId: 'peer2', kinds: 'peer-joined,peer-left' })
      expect(joined.events).toMatchObject([{ kind: 'peer-joined', text: 'peer2 joined' }])
    })
    test('refuses an unknown kind', async () => {
      const { api } = subject()
      await expect(api.events({ limit: 1, kinds: 'joked' })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      })
    })
  },
  resumeReplication: (subject) => {
    test('releases nothing when the brake is off', async () => {
      const { api } = subject()
      expect(await api.resumeReplication()).toEqual({ released: false })
    })
  },
  drainPeer: (subject) => {
    test('returns what other peers lack, however often it is requested', async () => {
      const { api } = subject()
      const drained = await api.drainPeer({ peerId: 'peer2' })
      expect(drained).toMatchObject({ peerId: 'peer2', held: {}, lacking: {} })
      expect(await api.drainPeer({ peerId: 'peer2' })).toEqual(drained)
      await api.undrainPeer({ peerId: 'peer2' })
    })
    failing(subject, 'PEER_UNKNOWN', 'for another id', ({ api }) =>
      api.drainPeer({ peerId: 'peer9' }),
    )
  },
  undrainPeer: (subject) => {
    test('says whether the peer was drained', async () => {
      const { api } = subject()
      await api.drainPeer({ peerId: 'peer2' })
      expect(await api.undrainPeer({ peerId: 'peer2' })).toEqual({
        peerId: 'peer2',
        wasDrained: true,
      })
      expect(await api.undrainPeer({ peerId: 'peer2' })).toMatchObject({ wasDrained: false })
    })
  },
  maintainPeer: (subject) => {
    test('returns what other peers lack', async () => {
      const { api } = subject()
      const safety = await api.maintainPeer({ peerId: 'peer2', forMs: 60_000 })
      expect(safety).toEqual(await api.peerSafety({ peerId: 'peer2' }))
      await api.endMaintenance({ peerId: 'peer2' })
    })
    failing(subject, 'PEER_UNKNOWN', 'for another id', ({ api }) =>
      api.maintainPeer({ peerId: 'peer9', forMs: 60_000 }),
    )
  },
  endMaintenance: (subject) => {
    test('says whether the peer was in maintenance', async () => {
      const { api } = subject()
      await api.maintainPeer({ peerId: 'peer2', forMs: 60_000 })
      expect(await api.endMaintenance({ peerId: 'peer2' })).toEqual({
        peerId: 'peer2',
        wasInMaintenance: true,
      })
      expect(await api.endMaintenance({ peerId: 'peer2' })).toMatchObject({
        wasInMaintenance: false,
      })
    })
  },
  forgetPeer: (subject) => {
    failing(subject, 'PEER_NOT_DEAD', 'for a live peer', ({ api }) =>
      api.forgetPeer({ peerId: 'peer2', force: true }),
    )
    failing(subject, 'PEER_UNKNOWN', 'for another id', ({ api }) =>
      api.forgetPeer({ peerId: 'peer9', force: false }),
    )
  },
  peerSafety: (subject) => {
    test('counts the files of a peer', async () => {
      const { api } = subject()
      const { held, alone, lacking } = await api.peerSafety({ peerId: 'peer1' })
      expect(lacking.files).toBeGreaterThanOrEqual(alone.files)
      expect(held.files).toBeGreaterThanOrEqual(lacking.files)
    })
    failing(subject, 'PEER_UNKNOWN', 'for another id', ({ api }) =>
      api.peerSafety({ peerId: 'peer9' }),
    )
  },
  replicationRules: (subject) => {
    test('lists the default and no rules at first', async () => {
      const { api } = subject()
      expect(await api.replicationRules()).toMatchObject({ rules: [] })
    })
  },
  setReplication: (subject) => {
    test('sets a rule, which is listed first', async () => {
      const { api } = subject()
      const { peers } = await api.setReplication({ pattern: 'rule/set/**', factor: 3 })
      expect(peers).toBeGreaterThan(0)
      await api.setReplication({ pattern: 'rule/last', factor: 1 })
      const { rules } = await api.replicationRules()
      expect(rules.map(({ pattern }) => pattern)).toEqual(['rule/last', 'rule/set/**'])
      for (const { pattern } of rules) await api.unsetReplication({ pattern })
    })
  },
  unsetReplication: (subject) => {
    test('removes a rule, and refuses one that does not exist', async () => {
      const { api } = subject()
      await api.setReplication({ pattern: 'rule/unset', factor: 3 })
      await api.unsetReplication({ pattern: 'rule/unset' })
      expect(await api.replicationRules()).toMatchObject({ rules: [] })
      const again = api.unsetReplication({ pattern: 'rule/unset' })
      await expect(again).rejects.toMatchObject({ code: 'RULE_NOT_FOUND' })
    })
  },
  replicationOf: (subject) => {
    test('says how many copies a name should have, and why', async () => {
      const { api } = subject()
      await api.setReplication({ pattern: 'rule/of/**', factor: 3 })
      const of = await api.replicationOf({ name: 'rule/of/a' })
      expect(of).toMatchObject({ factor: 3, rule: { pattern: 'rule/of/**' } })
      await api.unsetReplication({ pattern: 'rule/of/**' })
      expect(await api.replicationOf({ name: 'rule/of/a' })).not.toHaveProperty('rule')
    })
  },
  rebalance: (subject) => {
    test('is idle, and has nothing to move in an empty cluster', async () => {
      const { api } = subject()
      expect(await api.rebalance({ plan: false })).toMatchObject({ movedContents: 0 })
      const { plan } = await api.rebalance({ plan: true })
      expect(plan).toEqual({ flows: [], contents: 0, bytes: 0, isPartial: false })
    })
  },
  startRebalance: (subject) => {
    test('shows its plan', async () => {
      const { api } = subject()
      const started = await api.startRebalance()
      expect(started).toMatchObject({ cause: 'command', plan: { contents: 0 } })
    })
  },
  stopRebalance: (subject) => {
    test('ends a rebalance that runs', async () => {
      const { api } = subject()
      await api.startRebalance()
      expect((await api.stopRebalance()).state).toMatch(/stopped|done/)
    })
  },
  limits: (subject) => {
    test('says where each limit comes from', async () => {
      const { api } = subject()
      expect((await api.limits()).limits.connections).toMatchObject({ from: 'setting' })
    })
  },
  changeLimits: (subject) => {
    test('sets limits until they are given back', async () => {
      const { api } = subject()
      const before = await api.limits()
      const change = { downloadBytesPerSecond: 50_000_000, connections: 9 } as const
      const { limits } = await api.changeLimits(change)
      expect(limits.connections).toEqual({ value: 9, from: 'hand' })
      expect(limits.downloadBytesPerSecond).toEqual({ value: 50_000_000, from: 'hand' })
      expect(await api.limits()).toMatchObject({ limits })
      const back = { downloadBytesPerSecond: null, connections: null }
      expect(await api.changeLimits(back)).toEqual(before)
    })
  },
  keptFolders: (subject) => {
    test('is empty when no file is missing', async () => {
      const { api } = subject()
      expect(await api.keptFolders()).toEqual({ keptFolders: [] })
    })
  },
  confirmDeletes: (subject) => {
    test('drops nothing when no file is missing', async () => {
      const { api } = subject()
      expect(await api.confirmDeletes()).toEqual({ files: 0 })
    })
  },
} satisfies Partial<Record<CallName, DeclareTests>>
