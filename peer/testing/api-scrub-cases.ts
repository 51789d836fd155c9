import { expect, test } from 'vitest'
import type { CallName } from '../api/calls.ts'
import { allProblems } from '../api/pages.ts'
import { codeOf, type DeclareTests, failing, pushed } from './api-case.ts'

/** What calls about reading copies again and about damaged files do. */
export const scrubCases = {
  scrub: (subject) => {
    test('says how far it is', async () => {
      const { api } = subject()
      expect(await api.scrub()).toMatchObject({ isPaused: false, damaged: [], damagedFiles: 0 })
    })
  },
  changeScrub: (subject) => {
    test('pauses and resumes', async () => {
      const { api } = subject()
      expect(await api.changeScrub({ isPaused: true })).toMatchObject({ isPaused: true })
      expect(await api.changeScrub({ isPaused: false })).toMatchObject({ isPaused: false })
    })
  },
  scrubNow: (subject) => {
    test('reads all copies', async () => {
      const { api } = subject()
      await pushed(api, 'to scrub')
      await api.scrubNow()
      const files = async (): Promise<number> => (await api.scrub()).last?.files ?? 0
      await expect.poll(files).toBeGreaterThan(0)
      expect((await api.scrub()).last).toMatchObject({ bad: 0 })
    })
  },
  checkCopies: (subject) => {
    test('reads the copies of a name', async () => {
      const { api } = subject()
      await pushed(api, 'checked/a')
      const { id } = await api.checkCopies({ pattern: 'checked/**' })
      const ended = await api.copyCheck({ id, waitMs: 10_000 })
      expect(ended).toMatchObject({ state: 'done', files: 1, bytes: 9, bad: 0, listed: [] })
    })
  },
  copyCheck: (subject) => {
    failing(subject, 'CHECK_NOT_FOUND', 'of an unknown check', ({ api }) =>
      api.copyCheck({ id: 'unknown', waitMs: 0 }),
    )
  },
  repair: (subject) => {
    test('replaces a damaged file by the good content of another peer', async () => {
      const { api, shareElsewhere, damage } = subject()
      const name = 'damaged.txt'
      await shareElsewhere(name, name)
      await pushed(api, name)
      await damage(name)
      const check = await api.checkCopies({ pattern: name })
      const checked = await api.copyCheck({ id: check.id, waitMs: 10_000 })
      expect(checked).toMatchObject({ bad: 1, listed: [{ name, folder: 'shared' }] })
      const { damaged } = await api.scrub()
      expect(damaged).toMatchObject([{ name, folder: 'shared', chunks: 1, badChunks: 1 }])
      await expect
        .poll(async () => (await allProblems(api)).problems)
        .toContainEqual(expect.objectContaining({ name, code: 'DAMAGED' }))
      const { id } = await api.repair({ name })
      expect(await api.repairOf({ id, waitMs: 10_000 })).toMatchObject({ name, state: 'done' })
      expect(await api.scrub()).toMatchObject({ damagedFiles: 0 })
      const again = await api.checkCopies({ pattern: name })
      expect(await api.copyCheck({ id: again.id, waitMs: 10_000 })).toMatchObject({ bad: 0 })
      expect(await codeOf(api.repair({ name }))).toBe('NOT_DAMAGED')
      // Both are sources again.
      const sources = async (): Promise<number | undefined> =>
        (await api.lookup({ name })).files[0]?.sources.length
      await expect.poll(sources).toBe(2)
    })
    failing(subject, 'NOT_DAMAGED', 'of an unknown file', ({ api }) =>
      api.repair({ name: 'unknown' }),
    )
  },
  repairOf: (subject) => {
    failing(subject, 'REPAIR_NOT_FOUND', 'of an unknown repair', ({ api }) =>
      api.repairOf({ id: 'unknown', waitMs: 0 }),
    )
  },
} satisfies Partial<Record<CallName, DeclareTests>>
