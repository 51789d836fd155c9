import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { UnwrittenPeers } from './unwritten-peers.ts'

function aRegistration(peerId: string, epoch = 'e1') {
  return { peerId, host: 'h', port: 1, zone: undefined, freeBytes: 1, epoch, heardMs: 1 }
}

test('a later entry replaces an unwritten one, and is not lost when the earlier is written', () => {
  const peers = new UnwrittenPeers()
  peers.register(aRegistration('a'))
  peers.end('a', 'dead', 5)
  const ended = peers.of('a')
  expect(ended).toMatchObject({ registration: { epoch: 'e1' }, gone: { gone: 'dead' } })
  peers.register(aRegistration('a', 'e2'))
  expect(peers.of('a')).toEqual({ peerId: 'a', registration: aRegistration('a', 'e2') })
  if (ended !== undefined) peers.onWritten(ended)
  const [again] = peers.some(10)
  expect(again).toMatchObject({ registration: { epoch: 'e2' } })
  if (again !== undefined) peers.onWritten(again)
  expect(peers.some(10)).toEqual([])
})

test('its size is bounded, and known peers still replace what they had', () => {
  const peers = new UnwrittenPeers()
  for (let number = 0; number < limits.peersMax; number++)
    expect(peers.end(`peer${number}`, 'dead', 1)).toBe(true)
  expect(peers.register(aRegistration('one more'))).toBe(false)
  expect(peers.register(aRegistration('peer1'))).toBe(true)
  expect(peers.some(5)).toHaveLength(5)
})
