import { expect, test } from 'vitest'
import { howToInstall } from './anchor-programs.ts'

test('one line lists the missing programs and their packages', () => {
  expect(howToInstall(['nginx', 'aria2c'])).toBe(
    'nginx, aria2c not found: apt-get install nginx-light aria2',
  )
})
