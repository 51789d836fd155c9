import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { CallName, PeerApi } from '../api/calls.ts'
import type { Download } from '../api/download-shapes.ts'
import { allDownloads } from '../api/pages.ts'
import {
  type ContractSubject,
  codeOf,
  type DeclareTests,
  failing,
  names,
  sha256Of,
} from './api-case.ts'

/** What calls about downloads do. */
export const downloadCases = {
  startDownload: (subject) => {
    test.each([...names])('fetches from another peer %s', async (plain) => {
      const { api, shareElsewhere } = subject()
      const name = `elsewhere/${plain}`
      await shareElsewhere(name, plain)
      const { id } = await api.startDownload({ name })
      const result = { name, sha256: sha256Of(plain), bytes: Buffer.byteLength(plain) }
      expect(await ended(api, id)).toMatchObject({ id, state: 'done', result })
    })
    failing(subject, 'NAME_INVALID', 'of a name that leaves the folder', ({ api }) =>
      api.startDownload({ name: '../secret' }),
    )
  },
  download: (subject) => {
    test('waits no longer than it is told to', async () => {
      const { id } = await aWaitingDownload(subject())
      expect(await subject().api.download({ id, waitMs: 1 })).toMatchObject({ state: 'running' })
      await subject().api.cancelDownload({ id })
    })
    test('stops waiting when it is given up', async () => {
      const { id } = await aWaitingDownload(subject())
      const stop = new AbortController()
      const waiting = subject().api.download({ id, waitMs: 20_000 }, stop.signal)
      stop.abort(new AppError('CANCELLED', { what: 'It' }))
      expect(await codeOf(waiting)).toBe('CANCELLED')
      await subject().api.cancelDownload({ id })
    })
    failing(subject, 'DOWNLOAD_NOT_FOUND', 'of an unknown id', ({ api }) =>
      api.download({ id: '../d1', waitMs: 0 }),
    )
  },
  downloads: (subject) => {
    test('lists those that have not ended, and those that have', async () => {
      const { id } = await aWaitingDownload(subject())
      const listed = await allDownloads(subject().api)
      expect(listed).toContainEqual(expect.objectContaining({ id, state: 'running' }))
      await subject().api.cancelDownload({ id })
      const later = await allDownloads(subject().api)
      expect(later).toContainEqual(expect.objectContaining({ id, state: 'failed' }))
    })
    test('has pages, which downloads that start or end meanwhile do not move', async () => {
      const { api } = subject()
      const before = (await allDownloads(api)).map(({ id }) => id)
      const { id: early } = await aWaitingDownload(subject())
      const known = [...before, early]
      const read: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await api.downloads({ limit: 1, ...(after && { after }) })
        read.push(...page.downloads.map(({ id }) => id))
        if (page.next === undefined) break
        expect(page.downloads).toHaveLength(1)
        after = page.next
        if (read.length === 1) await api.cancelDownload({ id: early })
        if (read.length === known.length) break
      }
      expect(read).toEqual(known)
    })
    failing(subject, 'BAD_REQUEST', 'after what is no cursor', ({ api }) =>
      api.downloads({ limit: 1, after: '!' }),
    )
  },
  pauseDownload: (subject) => {
    test('stops a download', async () => {
      const { id } = await aWaitingDownload(subject())
      expect(await subject().api.pauseDownload({ id })).toMatchObject({ id, state: 'paused' })
      const now = await subject().api.download({ id, waitMs: 20_000 })
      expect(now).toMatchObject({ state: 'paused' })
      await subject().api.cancelDownload({ id })
    })
    failing(subject, 'DOWNLOAD_NOT_FOUND', 'of an unknown id', ({ api }) =>
      api.pauseDownload({ id: 'd' }),
    )
  },
  resumeDownload: (subject) => {
    test('lets it continue', async () => {
      const { id } = await aWaitingDownload(subject())
      await subject().api.pauseDownload({ id })
      const resumed = await subject().api.resumeDownload({ id })
      expect(['waiting', 'running']).toContain(resumed.state)
      await subject().api.cancelDownload({ id })
    })
    failing(subject, 'DOWNLOAD_NOT_FOUND', 'of an unknown id', ({ api }) =>
      api.resumeDownload({ id: 'd' }),
    )
  },
  cancelDownload: (subject) => {
    test('ends a download', async () => {
      const { id } = await aWaitingDownload(subject())
      await subject().api.cancelDownload({ id })
      const now = await subject().api.download({ id, waitMs: 0 })
      expect(now).toMatchObject({ state: 'failed', error: { code: 'CANCELLED' } })
    })
    failing(subject, 'DOWNLOAD_NOT_FOUND', 'of an unknown id', ({ api }) =>
      api.cancelDownload({ id: 'd' }),
    )
  },
} satisfies Partial<Record<CallName, DeclareTests>>

async function aWaitingDownload({ api, fileWithoutSource }: ContractSubject): Promise<Download> {
  const { id } = await api.startDownload({ name: await fileWithoutSource() })
  await expect.poll(() => api.download({ id, waitMs: 0 })).toMatchObject({ state: 'running' })
  return await api.download({ id, waitMs: 0 })
}

async function ended(api: PeerApi, id: string): Promise<Download> {
  for (;;) {
    const now = await api.download({ id, waitMs: 10_000 })
    if (now.state !== 'waiting' && now.state !== 'running') return now
  }
}
