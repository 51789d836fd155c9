import { expect, test } from 'vitest'
import { SimulatedMesh } from './simulated-mesh.ts'

/** A mesh whose members have all joined through the first, and agree. */
async function agreed(count: number, seed = 'agreed'): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ seed, count })
  for (const member of mesh.members) {
    member.addFiles(3)
    member.start([mesh.member(0).address])
  }
  expect(await mesh.roundsUntilAgreed(40), mesh.disagreement()).toBeDefined()
  return mesh
}

test('members join through one of them and know all others and their files', async () => {
  const mesh = await agreed(10)
  expect(mesh.member(3).mesh.members()).toHaveLength(9)
  for (const member of mesh.members) expect(member.metIds()).toHaveLength(9)
})

test('a member that only others reach counts, if they are on two hosts', async () => {
  const mesh = new SimulatedMesh({ seed: 'indirect', count: 5 })
  mesh.network.weather.isCut = (from, to) => from === 'host1' && to === 'host2'
  for (const member of mesh.members) member.start([mesh.member(0).address])
  await mesh.clock.advance(30_000)
  expect(mesh.disagreement()).toBeUndefined()
  expect(mesh.member(1).metIds()).toContain('peer2')
})

test('a change is known everywhere within three rounds', async () => {
  const mesh = await agreed(10)
  mesh.member(4).addFiles(120)
  expect(await mesh.roundsUntilAgreed(3), mesh.disagreement()).toBeDefined()
})

test('a member that crashes is suspect, then dead, then forgotten', async () => {
  const mesh = await agreed(6)
  mesh.member(5).crash()
  const states = (): unknown[] =>
    mesh.running.map(
      (one) => one.mesh.members().find(({ record }) => record.peerId === 'peer5')?.state,
    )
  await mesh.clock.advance(15_000)
  expect(states()).toEqual(Array(5).fill('suspect'))
  await mesh.clock.advance(65_000)
  expect(states()).toEqual(Array(5).fill('dead'))
  await mesh.clock.advance(605_000)
  expect(states()).toEqual(Array(5).fill(undefined))
  mesh.member(5).start([mesh.member(0).address])
  expect(await mesh.roundsUntilAgreed(10), mesh.disagreement()).toBeDefined()
})

test('a member that leaves is told immediately', async () => {
  const mesh = await agreed(6)
  await Promise.all([mesh.member(2).stop(), mesh.clock.advance(3_000)])
  for (const { mesh: one } of mesh.running)
    expect(one.members().find(({ record }) => record.peerId === 'peer2')?.state).toBe('left')
})

test('one lost link makes no member suspect', async () => {
  const mesh = await agreed(6)
  mesh.network.weather.isCut = (from, to) => from === 'host1' && to === 'host2'
  for (let second = 0; second < 100; second += 1) {
    await mesh.clock.advance(1_000)
    expect(mesh.disagreement()).toBeUndefined()
  }
})

test('both sides of a partition go on, and merge', async () => {
  const mesh = await agreed(8)
  const side = (host: string): boolean => Number(host.slice(4)) < 4
  mesh.network.weather.isCut = (from, to) => side(from) !== side(to)
  await mesh.clock.advance(120_000)
  mesh.member(1).addFiles(1)
  mesh.member(6).addFiles(1)
  expect(
    mesh
      .member(0)
      .mesh.members()
      .filter(({ state }) => state === 'dead'),
  ).toHaveLength(4)
  mesh.network.weather.isCut = () => false
  expect(await mesh.roundsUntilAgreed(30), mesh.disagreement()).toBeDefined()
})

test('sides that have forgotten each other in a long partition merge without well-known hosts', async () => {
  const mesh = new SimulatedMesh({ seed: 'long partition', count: 8 })
  for (const member of mesh.members) member.start([])
  for (const member of mesh.members.slice(1)) {
    const met = member.mesh.meet(mesh.member(0).address, new AbortController().signal)
    await Promise.all([met, mesh.clock.advance(100)])
  }
  expect(await mesh.roundsUntilAgreed(40), mesh.disagreement()).toBeDefined()
  const side = (host: string): boolean => Number(host.slice(4)) < 4
  mesh.network.weather.isCut = (from, to) => side(from) !== side(to)
  await mesh.clock.advance(4 * 3_600_000)
  for (const member of mesh.running) expect(member.mesh.members()).toHaveLength(3)
  mesh.network.weather.isCut = () => false
  expect(await mesh.roundsUntilAgreed(90), mesh.disagreement()).toBeDefined()
})
