import { expect, test } from 'vitest'
import { linkHeader } from './file-headers.ts'

const mirrors = Array.from({ length: 20 }, (_, index) => `http://10.0.0.${index}:8100`)

test('links name the documents, the first mirrors, and other versions', () => {
  const header = linkHeader('/files/f', mirrors, ['/files/other'])
  expect(header.split(', ')).toHaveLength(11)
  expect(header).toContain(
    '<http://10.0.0.0:8100/files/f>; rel=duplicate; pri=1, <http://10.0.0.1:',
  )
  expect(header).toContain('<http://10.0.0.7:8100/files/f>; rel=duplicate; pri=8, <')
})

test('links of the longest names do not exceed what clients accept as headers', () => {
  const header = linkHeader(`/files/${'%D0%96'.repeat(512)}`, mirrors, ['/files/other'])
  expect(header.length).toBeLessThan(8_000)
  expect(header).toContain('.meta4>; rel=describedby')
})
