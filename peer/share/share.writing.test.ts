import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { quietMs, ShareFixture } from '../testing/share-fixture.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

test('a file that is being written during the first scan is recorded as soon as it is quiet', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/late.txt', 'late', peer.clock.nowMs())
  await peer.start()
  expect(peer.shared()).toEqual([])

  await peer.change(() => peer.clock.advance(quietMs))
  expect(peer.shared()).toEqual(['late.txt'])
})

test('a file that is appended to every 2 s is announced once more, when the writing ends', async () => {
  await using peer = await ShareFixture.create()
  const share = await peer.start()
  const append = async (text: string): Promise<void> =>
    peer.onChange(await peer.write('shared/log.txt', text, peer.clock.nowMs()))
  let marker = 0
  // What is found is recorded when nothing is looked at any more: so is then what was seen of the log.
  const settle = async (): Promise<void> => {
    const path = await peer.write(`shared/marker ${marker++}`, '')
    await peer.change(() => peer.onChange(path))
  }
  const announced = new Set<string>()
  share.catalog.onChange(() => {
    const file = share.get({ kind: 'shared', name: 'log.txt' })
    if (file !== undefined) announced.add(file.content.sha256)
  })
  await append('x')
  await settle()
  await peer.change(() => peer.clock.advance(quietMs))
  expect(announced).toEqual(new Set([sha256Of('x')]))
  for (let line = 2; line <= 6; line += 1) {
    await peer.clock.advance(line === 2 ? quietMs : 2 * quietMs)
    await settle()
    await append('x'.repeat(line))
    await settle()
  }
  expect(announced.size).toBe(1)
  await peer.clock.advance(2 * quietMs)
  await settle()
  expect(announced.size).toBe(1)
  await peer.change(() => peer.clock.advance(2 * quietMs))
  expect(announced).toEqual(new Set([sha256Of('x'), sha256Of('xxxxxx')]))
})

test('a file dated in the future is quiet when it stops changing', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/future.txt', 'f', peer.clock.nowMs() + 86_400_000)
  await peer.start()
  expect(peer.shared()).toEqual([])

  await peer.change(() => peer.clock.advance(quietMs))
  expect(peer.shared()).toEqual(['future.txt'])
})

test('a file that keeps changing is a problem until it stops', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const codes = (): string[] => peer.share.problems().map(({ code }) => code)
  const rewrite = async (text: string): Promise<void> => {
    const path = await peer.write('shared/log.txt', text, peer.clock.nowMs())
    peer.onChange(path)
  }
  await rewrite('1')
  for (let line = 2; !codes().includes('KEEPS_CHANGING') && line < 1_000; line += 1) {
    await peer.clock.advance(quietMs / 2)
    await rewrite('x'.repeat(line))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(codes()).toEqual(['KEEPS_CHANGING'])
  await peer.rescan()
  await expect.poll(codes, { interval: 5 }).toEqual([])
  expect(peer.shared()).toEqual(['log.txt'])
})
