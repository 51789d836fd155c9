import { expect, test } from 'vitest'
import type { CallName } from '../api/calls.ts'
import type { DeclareTests } from './api-case.ts'

/** What calls about the peer and the cluster do. */
export const clusterCases = {
  problems: (subject) => {
    test('lists what is not shared', async () => {
      const { api, brokenLink } = subject()
      expect(await api.problems()).toMatchObject({
        total: 1,
        problems: [{ code: 'LINK_BROKEN', name: brokenLink }],
      })
    })
  },
  peers: (subject) => {
    test('lists the peers', async () => {
      const { api } = subject()
      const ids = (await api.peers()).map(({ peerId }) => peerId)
      expect(ids).toEqual(expect.arrayContaining(['peer1', 'peer2']))
    })
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
  resumeReplication: (subject) => {
    test('releases nothing when the brake is off', async () => {
      const { api } = subject()
      expect(await api.resumeReplication()).toEqual({ released: false })
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
