import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { isNews, TrafficLoad } from './traffic-load.ts'

test('rates are averaged over two seconds, and told when they change much', async () => {
  const clock = new FakeClock()
  const uploads = { passedBytes: { download: 0, replication: 0 } }
  const downloads = { passedBytes: { download: 500, replication: 500 } }
  let news = 0
  const onNews = (): void => void news++
  await using load = new TrafficLoad({ uploads, downloads, onNews, clock, log: silentLog })
  await clock.advance(60_000)
  expect([load.now.uploadBytesPerSecond, load.now.downloadBytesPerSecond, news]).toEqual([0, 0, 0])
  for (let seconds = 0; seconds < 60; seconds++) {
    uploads.passedBytes.download += 3_000
    downloads.passedBytes.replication += 500
    await clock.advance(1_000)
  }
  expect(load.now).toEqual({ uploadBytesPerSecond: 3_000, downloadBytesPerSecond: 500 })
  expect(news).toBe(1)
  await clock.advance(60_000)
  expect(load.now).toEqual({ uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 })
  expect(news).toBe(2)
})

test('small changes are no news', () => {
  const of = (upload: number, download: number): Parameters<typeof isNews>[0] => ({
    uploadBytesPerSecond: upload,
    downloadBytesPerSecond: download,
  })
  expect(isNews(of(100, 100), of(140, 70))).toBe(false)
  expect(isNews(of(100, 100), of(160, 100))).toBe(true)
  expect(isNews(of(100, 100), of(100, 60))).toBe(true)
  expect(isNews(of(0, 0), of(1, 0))).toBe(true)
})
