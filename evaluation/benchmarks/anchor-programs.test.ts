import { expect, test } from 'vitest'
import { howToInstall } from './anchor-programs.ts'

test('one line says what is missing and where it comes from', () => {
  expect(howToInstall(['nginx', 'aria2c'])).toBe(
    'nginx, aria2c not found: apt-get install nginx-light aria2',
  )
})
