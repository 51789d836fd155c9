import { expect, test } from 'vitest'
import { metalinkOf } from './metalink.ts'

test('a Metalink names every piece and every source', () => {
  const chunkList = Buffer.concat([Buffer.alloc(32, 0xaa), Buffer.alloc(32, 0xbb)])
  const urls = ['http://127.0.0.1:1/a.bin', 'http://127.0.0.1:2/a.bin']
  expect(metalinkOf({ name: 'a.bin', size: 2 ** 20 + 1, chunkList, urls })).toBe(
    `<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
<file name="a.bin">
<size>1048577</size>
<pieces length="1048576" type="sha-256">
<hash>${'aa'.repeat(32)}</hash>
<hash>${'bb'.repeat(32)}</hash>
</pieces>
<url priority="1">http://127.0.0.1:1/a.bin</url>
<url priority="1">http://127.0.0.1:2/a.bin</url>
</file>
</metalink>
`,
  )
})
