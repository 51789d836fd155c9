import { expect, test } from 'vitest'
import { takeTokenFrom } from './token-in-address.ts'

function opened(hash: string): { token: string | undefined; replaced: unknown[] } {
  const replaced: unknown[] = []
  const token = takeTokenFrom({
    location: { hash, pathname: '/', search: '' },
    history: { replaceState: (...given) => replaced.push(given[2]) },
  })
  return { token, replaced }
}

test('a token leaves the address immediately', () => {
  expect(opened('#token=a%2Fb')).toEqual({ token: 'a/b', replaced: ['/'] })
})

test('a token that cannot be read leaves it, too', () => {
  expect(opened('#token=%')).toEqual({ token: undefined, replaced: ['/'] })
})

test.each(['', '#/files/token=x'])('the address %j stays', (hash) => {
  expect(opened(hash)).toEqual({ token: undefined, replaced: [] })
})
