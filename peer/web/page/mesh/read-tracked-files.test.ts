import { expect, test } from 'vitest'
import type { Client } from '../api/client.ts'
import { trackedFiles } from './read-tracked-files.ts'

const { signal } = new AbortController()
const sha256 = 'a'.repeat(64)

function aClient(answers: Readonly<Record<string, (request: { name: string }) => object>>) {
  const call = async (name: string, request: { name: string }): Promise<object> => {
    const answer = answers[name]
    if (answer === undefined) throw new Error(name)
    return answer(request)
  }
  return { call } as unknown as Pick<Client, 'call'>
}

test('files are listed with the peers that have their content', async () => {
  const at = { host: '10.0.0.1', port: 7_100, kind: 'shared' }
  const files = ['a.txt', 'gone.txt'].map((name) => ({ name, size: 5, sha256, copies: 2 }))
  const client = aClient({
    search: () => ({ files }),
    lookup: ({ name }) => {
      if (name === 'gone.txt') throw new Error('NAME_NOT_FOUND')
      const other = { sha256: 'b'.repeat(64), sources: [{ peerId: 'peer9', ...at }] }
      const sources = [
        { peerId: 'peer1', ...at },
        { peerId: 'peer2', ...at, isSuspect: true },
      ]
      return { name, files: [other, { sha256, sources }] }
    },
  })
  expect(await trackedFiles(client, signal)).toEqual([
    {
      name: 'a.txt',
      size: 5,
      sha256,
      holders: [
        { peerId: 'peer1', isSuspect: false },
        { peerId: 'peer2', isSuspect: true },
      ],
    },
    { name: 'gone.txt', size: 5, sha256, holders: [] },
  ])
})

test('a list that is no longer wanted is given up', async () => {
  const client = aClient({
    search: () => ({ files: [{ name: 'a.txt', size: 5, sha256 }] }),
    lookup: () => {
      throw new Error('the signal is aborted')
    },
  })
  await expect(trackedFiles(client, AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
})
