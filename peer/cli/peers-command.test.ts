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
  expect(shell.remarks.text).toContain("PEER_NOT_DEAD: 'peer2' is live: only dead peers can be")
})

test.each([
  [['forget'], 'usage: peers forget PEER'],
  [['revoke'], 'usage: peers revoke PEER'],
  [['forgot', 'peer2'], 'Allowed choices are forget, revoke'],
])('peers %j is wrong usage', async (words, complaint) => {
  const shell = new Shell()
  expect(await shell.type('peers', ...words)).toBe(2)
  expect(shell.remarks.text).toContain(complaint)
})

test('a member of a secured cluster is revoked', async () => {
  const shell = new Shell()
  expect(await shell.type('peers', 'revoke', 'peer2')).toBe(1)
  expect(shell.remarks.text).toContain('NOT_IN_CLUSTER: This process has no identity')
  shell.peer.secured.members = new Set(['peer2'])
  expect(await shell.type('peers', 'revoke', 'peer2')).toBe(0)
  expect(shell.answers.text).toContain('peer2 is revoked: its connections are closed')
})

test('a peer that speaks HTTPS is listed with its URL', async () => {
  const shell = new Shell()
  const { peers } = await shell.peer.peers({ limit: 10 })
  const [peer] = peers
  const http = { host: '192.0.2.7', port: 8_100 }
  shell.peer.peers = async () => ({
    peers:
      peer === undefined
        ? []
        : [
            { ...peer, http: { ...http, isSecure: true } },
            { ...peer, http },
          ],
  })
  await shell.type('peers')
  expect(shell.answers.text).toMatch(/ https:\/\/192\.0\.2\.7:8100 [^]* 192\.0\.2\.7:8100 /)
})
