import { expect, test } from 'vitest'
import type { FollowCall } from '../api/follow-calls.ts'
import { type DeclareTests, failing } from './api-case.ts'

/** What calls about followed patterns do. */
export const followCases = {
  followed: (subject) => {
    test('lists the patterns in the order in which they were added', async () => {
      const { api } = subject()
      for (const pattern of ['list/b', 'list/a/']) await api.follow({ pattern })
      const patterns = (await api.followed()).followed.map(({ pattern }) => pattern)
      expect(patterns.filter((pattern) => pattern.startsWith('list/'))).toEqual([
        'list/b',
        'list/a',
      ])
      for (const pattern of ['list/b', 'list/a']) await api.unfollow({ pattern })
    })
  },
  follow: (subject) => {
    test('again changes how many files are wanted', async () => {
      const { api } = subject()
      const pattern = 'follow/100%/**'
      expect(await api.follow({ pattern, newest: 3 })).toMatchObject({ pattern, newest: 3 })
      expect(await api.follow({ pattern })).not.toHaveProperty('newest')
      const all = (await api.followed()).followed
      expect(all.filter((one) => one.pattern === pattern)).toHaveLength(1)
      await api.unfollow({ pattern })
    })
    failing(subject, 'NAME_INVALID', 'a pattern that leaves the folder', ({ api }) =>
      api.follow({ pattern: '../**' }),
    )
  },
  unfollow: (subject) => {
    test('removes a pattern', async () => {
      const { api } = subject()
      await api.follow({ pattern: 'a+b&c=d?e' })
      expect(await api.unfollow({ pattern: 'a+b&c=d?e' })).toBeUndefined()
      const patterns = (await api.followed()).followed.map(({ pattern }) => pattern)
      expect(patterns).not.toContain('a+b&c=d?e')
    })
    failing(subject, 'NOT_FOLLOWED', 'of a pattern that is not followed', ({ api }) =>
      api.unfollow({ pattern: 'nothing/**' }),
    )
  },
} satisfies Record<FollowCall, DeclareTests>
