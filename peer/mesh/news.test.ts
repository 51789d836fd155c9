import { expect, test } from 'vitest'
import { News } from './news.ts'

test('news are told as often as the size of the mesh requires, and then no more', () => {
  const news = new News('self')
  news.add('peer1')
  let told = 0
  while (news.take({ count: 1, members: 100 }).length > 0) told += 1
  expect(told).toBe(12)
  expect(news.size).toBe(0)
})

test('what was told least often comes first', () => {
  const news = new News('self')
  news.add('peer1')
  expect(news.take({ count: 1, members: 9 })).toEqual(['peer1'])
  news.add('peer2')
  expect(news.take({ count: 1, members: 9 })).toEqual(['peer2'])
  expect(news.take({ count: 2, members: 9 }).toSorted()).toEqual(['peer1', 'peer2'])
})

test('newer news of a member are told from the start', () => {
  const news = new News('self')
  news.add('peer1')
  news.take({ count: 1, members: 9 })
  news.add('peer1')
  let told = 0
  while (news.take({ count: 1, members: 9 }).length > 0) told += 1
  expect(told).toBe(4)
})

test('what a peer says of itself comes before all others', () => {
  const news = new News('self')
  news.add('self')
  for (let index = 0; index < 100; index += 1) news.add(`peer${index}`)
  for (let told = 0; told < 4; told += 1)
    expect(news.take({ count: 2, members: 9 })[0]).toBe('self')
})
