import { expect, test } from 'vitest'
import { dutyOfPeer, rendezvousScore, wholeDuty } from './duty.ts'
import { bestTarget } from './placement.ts'

const peerIds = ['peer1', 'peer2', 'peer3', 'peer4', 'peer5']
const contents = Array.from({ length: 2_000 }, (_, number) => number.toString(16).padStart(64, '0'))

function holdersOf(ids: readonly string[]) {
  return ids.map((peerId) => ({ peerId, kind: 'shared' }) as const)
}

function actors(
  sha256: string,
  holderIds: readonly string[],
  lost: readonly string[] = [],
): string[] {
  const peerOf = (peerId: string) => ({ isLost: lost.includes(peerId) })
  const content = { sha256, holders: holdersOf(holderIds) }
  return peerIds.filter((peerId) => dutyOfPeer(peerId, peerOf).actsFor(content))
}

test('the only index acts for all contents and draws targets', () => {
  expect(wholeDuty.actsFor({ sha256: '', holders: [] })).toBe(true)
  expect(wholeDuty.scoreOf('', 'peer1')).toBeUndefined()
})

test('one holder acts for each content, and all of them about equally often', () => {
  const counts = new Map<string, number>()
  for (const sha256 of contents) {
    const [actor, ...others] = actors(sha256, peerIds)
    expect(others).toEqual([])
    counts.set(actor ?? '', (counts.get(actor ?? '') ?? 0) + 1)
  }
  for (const peerId of peerIds) {
    expect(counts.get(peerId)).toBeGreaterThan(contents.length / 5 / 1.25)
    expect(counts.get(peerId)).toBeLessThan((contents.length / 5) * 1.25)
  }
})

test('another holder takes over from a lost one, and no other content changes hands', () => {
  for (const sha256 of contents.slice(0, 300)) {
    const [before] = actors(sha256, peerIds)
    const [after] = actors(sha256, peerIds, ['peer2'])
    const isSame = before !== 'peer2'
    expect({ isSame: after === before, isLost: after === 'peer2' }).toEqual({
      isSame,
      isLost: false,
    })
  }
})

test('no member acts for a content without a holder that is present', () => {
  expect(actors(contents[0] ?? '', [])).toEqual([])
  expect(actors(contents[0] ?? '', ['peer3'], ['peer3'])).toEqual([])
})

test('copies go to the same peer at every index, in proportion to the room', () => {
  const gigabyte = 2 ** 30
  const peers = peerIds.map((peerId, place) => ({
    peerId,
    zone: undefined,
    state: 'live' as const,
    isResting: false,
    isDraining: false,
    isDistrusted: false,
    unsteady: undefined,
    freeBytes: (place === 0 ? 400 : 100) * gigabyte,
    diskBytes: 1_000 * gigabyte,
    storedBytes: 0,
    replicaBytes: 0,
    assignedBytes: 0,
  }))
  let large = 0
  for (const sha256 of contents) {
    const choose = (listed: typeof peers) =>
      bestTarget(listed, {
        reserveBytes: 0,
        hasFailed: () => false,
        hasEarlierVersion: () => false,
        random: { fraction: () => 0.5, bytes: (count: number) => Buffer.alloc(count) },
        scoreOf: (peerId) => rendezvousScore(sha256, peerId),
      })?.peerId
    const target = choose(peers)
    expect(choose(peers.toReversed())).toBe(target)
    if (target === 'peer1') large++
  }
  expect(large / contents.length).toBeGreaterThan(0.42)
  expect(large / contents.length).toBeLessThan(0.58)
})

test('beside an index of the cluster, none acts for what a peer that reaches it holds', () => {
  const [sha256 = ''] = contents
  const content = { sha256, holders: holdersOf(['peer1', 'peer2']) }
  const actorsIf = (isOpen: boolean, reaching: readonly string[]): string[] =>
    peerIds.filter((peerId) =>
      dutyOfPeer(peerId, () => ({ isLost: false }), {
        isOpen: () => isOpen,
        reachesIndex: (other) => reaching.includes(other),
        knowsAll: () => true,
      }).actsFor(content),
    )
  expect(actorsIf(true, ['peer3'])).toHaveLength(1)
  expect(actorsIf(true, ['peer2'])).toEqual([])
  expect(actorsIf(false, [])).toEqual([])
})

test('an index that does not know all files knows those that its peer holds', () => {
  const peerOf = () => ({ isLost: false })
  let knowsAll = true
  const gate = { isOpen: () => true, reachesIndex: () => false, knowsAll: () => knowsAll }
  const duty = dutyOfPeer('peer1', peerOf, gate)
  const own = { holders: holdersOf(['peer1', 'peer2']) }
  const other = { holders: holdersOf(['peer2']) }
  expect([duty.knows(own), duty.knows(other)]).toEqual([true, true])
  knowsAll = false
  expect([duty.knows(own), duty.knows(other)]).toEqual([true, false])
  expect(wholeDuty.knows(other)).toBe(true)
})

test('a holder that is found to lie is left no duty, and each holder has the others prove their copies', () => {
  const peerOf = () => ({ isLost: false })
  const holders = holdersOf(['peer1', 'peer2'])
  const unproven = holders.map((holder) =>
    holder.peerId === 'peer2'
      ? { ...holder, isDoubted: true as const, isUnproven: true as const }
      : holder,
  )
  const duty = dutyOfPeer('peer1', peerOf)
  expect(contents.every((sha256) => duty.actsFor({ sha256, holders }))).toBe(false)
  expect(contents.every((sha256) => duty.actsFor({ sha256, holders: unproven }))).toBe(true)
  const asking = peerIds.filter((peerId) => dutyOfPeer(peerId, peerOf).asksFor({ holders }))
  expect(asking).toEqual(['peer1', 'peer2'])
})
