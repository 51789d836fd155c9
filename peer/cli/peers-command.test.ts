import { expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

test('a dead peer is forgotten, a live one is not', async () => {
  const shell = new Shell()
  shell.peer.deadPeers.add('peer7')
  expect(await shell.type('peers', 'forget', 'peer7')).toBe(0)
  expect(shell.answers.text).toBe(
    'peer7 is forgotten. Its files stay as long as other peers have them; if it returns, it is a new peer.\n',
  )
  expect(await shell.type('peers', 'forget', 'peer2', '--force')).toBe(1)
  expect(shell.remarks.text).toContain("PEER_NOT_DEAD: 'peer2' is live: only dead peers are")
})

test.each([
  [['forget'], 'usage: peers forget PEER'],
  [['forgot', 'peer2'], 'Allowed choices are forget'],
])('peers %j is wrong usage', async (words, complaint) => {
  const shell = new Shell()
  expect(await shell.type('peers', ...words)).toBe(2)
  expect(shell.remarks.text).toContain(complaint)
})
