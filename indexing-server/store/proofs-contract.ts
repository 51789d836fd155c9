/** The part of the store contract about copies that peers have not proven. */
import { expect, test } from 'vitest'
import { hashOf, type OpenStore } from './store-fixture-contract.ts'

export function proofsContract(open: OpenStore): void {
  test('what peers have not proven, and how far all were asked, outlive the store', async () => {
    await using opened = await open()
    const { proofs } = opened.store
    expect([await proofs.unproven(), await proofs.walk()]).toEqual([[], undefined])
    const wrong = { peerId: 'a', sha256: hashOf('one'), failure: 'wrong', sinceMs: 5 } as const
    const late = { peerId: 'b', sha256: hashOf('one'), failure: 'late', sinceMs: 7.5 } as const
    await opened.commit(proofs.addUnproven(wrong))
    await opened.commit(proofs.addUnproven(late))
    await opened.commit(proofs.addUnproven({ ...late, sinceMs: 9.5 }))
    await opened.commit(proofs.setWalk({ after: '17', round: 1, steppedMs: 8 }))
    await opened.commit(proofs.setWalk({ after: '', round: 2, steppedMs: 9.5 }))
    await opened.reopen()
    const again = opened.store.proofs
    expect(await again.unproven()).toEqual([wrong, { ...late, sinceMs: 9 }])
    expect(await again.walk()).toEqual({ after: '', round: 2, steppedMs: 9 })

    await opened.commit(again.removeUnproven(wrong))
    await opened.reopen()
    expect(await opened.store.proofs.unproven()).toMatchObject([{ peerId: 'b' }])
  })
}
