import { expect, test } from 'vitest'
import { copyViolations, type FoundCopy } from './chaos-check.ts'

const file = { owner: 'p1', name: 'a', sha256: 'x', size: 1 }

/** `p1 shared, p2 replicated` as copies. */
function copies(text: string): FoundCopy[] {
  return text.split(', ').flatMap((each) => {
    const [peer = '', kind] = each.split(' ')
    return kind === undefined ? [] : [{ peer, kind: kind as FoundCopy['kind'] }]
  })
}

test.each([
  ['p1 shared, p2 replicated', []],
  ['p2 replicated, p3 replicated', []],
  ['p1 shared, p2 downloaded, p3 downloaded', []],
  ['', ['a of p1 is lost']],
  ['p1 shared', ['a of p1 is on p1 only']],
  ['p1 shared, p1 downloaded', ['a of p1 is on p1 only']],
  [
    'p1 shared, p2 replicated, p3 replicated',
    ["a of p1 has replicas on p2, p3 beside copies on 'p1'"],
  ],
  [
    'p1 shared, p1 replicated, p2 replicated',
    ["a of p1 has replicas on p1, p2 beside copies on 'p1'"],
  ],
  [
    'p1 shared, p2 downloaded, p3 replicated',
    ["a of p1 has replicas on p3 beside copies on 'p1, p2'"],
  ],
])('copies %s: %j', (text, violations) => {
  expect(copyViolations(file, copies(text), (peer) => peer)).toEqual(violations)
})

test('a replica in the only other zone is not extra', () => {
  const zoneOf = (peer: string): string => (peer === 'p3' ? 'b' : 'a')
  expect(copyViolations(file, copies('p1 shared, p2 downloaded, p3 replicated'), zoneOf)).toEqual(
    [],
  )
  const two = copies('p1 shared, p2 replicated, p3 replicated')
  expect(copyViolations(file, two, zoneOf)).toHaveLength(1)
})
