import { expect, test } from 'vitest'
import { hasCode } from '../../../common/errors.ts'
import { Permits } from './permits.ts'

function takeAll(permits: Permits, host: string): Disposable[] {
  const taken: Disposable[] = []
  for (;;) {
    try {
      taken.push(permits.take(host))
    } catch (error) {
      if (hasCode(error, 'BUSY')) return taken
      throw error
    }
  }
}

test('one host gets half of the permits, and others get theirs', () => {
  const permits = new Permits(8)
  const first = takeAll(permits, 'one')
  expect(first).toHaveLength(4)
  const second = takeAll(permits, 'two')
  expect(second).toHaveLength(2)
  for (const permit of [...first, ...first]) permit[Symbol.dispose]()
  expect(takeAll(permits, 'three')).toHaveLength(3)
  expect(takeAll(permits, 'one').length).toBeGreaterThan(0)
})
