import { expect, test } from 'vitest'
import { NewsFeed, type SecurityNews } from './security-news.ts'

const revoked = (id: string): SecurityNews => ({ kind: 'revoked', id, by: undefined })

test('what happened before any listener is told to the first one, and no more than it takes', () => {
  const feed = new NewsFeed()
  for (let place = 0; place < 150; place++) feed.tell(revoked(`peer${place}`))
  const [first, second]: [SecurityNews[], SecurityNews[]] = [[], []]
  const stop = feed.listen((one) => first.push(one))
  expect(first).toHaveLength(100)
  expect(first[0]).toEqual(revoked('peer0'))
  feed.listen((one) => second.push(one))
  expect(second).toEqual([])
  stop()
  feed.tell(revoked('later'))
  expect(first).toHaveLength(100)
  expect(second).toEqual([revoked('later')])
})
