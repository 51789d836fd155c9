import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Download, Downloaded } from './download-shapes.ts'
import { downloadToEnd } from './download-to-end.ts'

const waiting: Download = {
  id: '1',
  name: 'a.txt',
  state: 'waiting',
  bytes: 0,
  size: 0,
  reusedBytes: 0,
  bytesPerSecond: 0,
  sources: [],
}
const result: Downloaded = {
  name: 'a.txt',
  path: '/downloaded/a.txt',
  bytes: 1,
  reusedBytes: 0,
  seconds: 0.1,
  sha256: '0'.repeat(64),
  sources: [],
}

/** A peer whose only download goes through these states. */
function peerWith(...states: Download[]): Parameters<typeof downloadToEnd>[0] {
  const next = async (): Promise<Download> => {
    const state = states.shift()
    if (state === undefined) throw new Error('asked after the end')
    return state
  }
  return {
    startDownload: async (request) => {
      expect(request).toEqual({ name: 'a.txt', wait: false })
      return await next()
    },
    download: next,
  }
}

test('a download that is paused meanwhile fails', async () => {
  const paused = downloadToEnd(peerWith({ ...waiting, state: 'paused' }), { name: 'a.txt' })
  await expect(paused).rejects.toMatchObject({ code: 'PAUSED', details: { id: '1' } })
})

test('looks at the download until it is done', async () => {
  const peer = peerWith(
    waiting,
    { ...waiting, state: 'running' },
    { ...waiting, state: 'done', result },
  )
  expect(await downloadToEnd(peer, { name: 'a.txt' })).toEqual(result)
})

test('throws what the download failed with', async () => {
  const { code, message, retryable, details } = new AppError('DISK_FULL', {
    path: '/downloaded',
    neededBytes: 1,
  })
  const error = { code, message, retryable, details: { ...details } }
  const failing = downloadToEnd(peerWith({ ...waiting, state: 'failed', error }), { name: 'a.txt' })
  await expect(failing).rejects.toMatchObject({ code: 'DISK_FULL', message })
})

test('does not join the wait for a source of an earlier request', async () => {
  const running: Download = { ...waiting, state: 'running' }
  const joined = peerWith(running, { ...running, waitingFor: 'p2 is away' })
  await expect(downloadToEnd(joined, { name: 'a.txt' })).rejects.toMatchObject({
    code: 'NO_SOURCE',
    details: { name: 'a.txt', tried: 'p2 is away' },
  })
})
