/**
 * One peer of the mesh says whatever a liar may say, over its own connection, to all others. What it says
 * of itself is its own affair; what others hear of each other must be right again within a few rounds,
 * and improper claims must be in the log with its address.
 */
import pino from 'pino'
import { expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import type { MemberClaim, MemberRecord } from '../../../common/protocol/mesh-messages.ts'
import type { Address } from '../../../common/protocol/transport.ts'
import type { MeshLink } from '../../../peer/mesh/mesh-link.ts'
import { SimulatedMesh } from './simulated-mesh.ts'

const dayMs = 24 * 3_600_000
const liarHost = 'liar-host'

interface Hostile extends AsyncDisposable {
  readonly mesh: SimulatedMesh
  /** Lines of the logs of all members. */
  readonly logged: string[]
  /** Sends the same claims to all members. */
  tell(claims: readonly MemberClaim[]): Promise<void>
  readonly link: MeshLink
  /** What the first member knows of another. */
  recordOf(peerId: string): MemberRecord
}

async function hostileMesh(seed: string): Promise<Hostile> {
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
  const mesh = new SimulatedMesh({ seed, count: 6, log })
  for (const member of mesh.members) {
    member.addFiles(3)
    member.start([mesh.member(0).address])
  }
  expect(await mesh.roundsUntilAgreed(40), mesh.disagreement()).toBeDefined()
  const link = mesh.network.linkOf({ peerId: 'liar', host: liarHost, isAlive: () => true })
  const { signal } = new AbortController()
  const request = async (address: Address, news: MemberClaim[]): Promise<void> => {
    await link.request({ address }, 'gossip', { hash: '0'.repeat(16), news }, signal)
  }
  return {
    mesh,
    logged,
    link,
    tell: async (claims) => {
      const told = mesh.running.map(({ address }) => request(address, structuredClone([...claims])))
      await Promise.all([...told, mesh.clock.advance(100)])
    },
    recordOf: (peerId) => {
      const members = mesh.member(0).mesh.members()
      const known = members.find(({ record }) => record.peerId === peerId)
      if (known === undefined) throw new Error(`${peerId} is unknown`)
      return known.record
    },
    [Symbol.asyncDispose]: async () => {
      for (const member of mesh.members) member.crash()
    },
  }
}

const lies: readonly (readonly [string, (record: MemberRecord) => MemberClaim])[] = [
  ['it is suspect', (record) => ({ record, state: 'suspect' })],
  ['it is dead', (record) => ({ record, state: 'dead' })],
  ['it left for good', (record) => ({ record, state: 'left', forGood: true })],
  ['it left later', (record) => ({ record: { ...record, version: 99 }, state: 'left' })],
  ['it is elsewhere', (record) => ({ record: { ...record, version: 99, host: 'nowhere' } })],
  ['it has made-up files', (record) => ({ record: { ...record, version: 99, lastSeq: 10 ** 12 } })],
  [
    'it runs anew',
    (record) => ({ record: { ...record, generation: record.generation + dayMs / 2 } }),
  ],
  ['its last version', (record) => ({ record: { ...record, version: 2 ** 40 } })],
]

for (const [what, lie] of lies)
  test(`a lie of another member is contradicted: ${what}`, async () => {
    await using hostile = await hostileMesh(what)
    const { mesh } = hostile
    await hostile.tell([lie(hostile.recordOf('peer3'))])
    expect(await mesh.roundsUntilAgreed(15), mesh.disagreement()).toBeDefined()
  })

test('a clock that is over a day ahead is believed by no member, and logged with the address', async () => {
  await using hostile = await hostileMesh('future')
  const { mesh, logged } = hostile
  const record = hostile.recordOf('peer3')
  const nowMs = mesh.clock.nowMs()
  await hostile.tell([{ record: { ...record, generation: Math.floor(nowMs) + 2 * dayMs } }])
  expect(mesh.disagreement()).toBeUndefined()
  expect(logged).toHaveLength(6)
  for (const line of logged) expect(line).toContain(liarHost)
})

test('the news of those that live pass a made-up crowd', async () => {
  await using hostile = await hostileMesh('crowd')
  const { mesh } = hostile
  const record = hostile.recordOf('peer3')
  const { signal } = new AbortController()
  const target = mesh.member(0)
  for (let from = 0; from < 10 * limits.meshNewsMax; from += limits.meshNewsMax) {
    const news = Array.from({ length: limits.meshNewsMax }, (_, index) => ({
      record: { ...record, peerId: `crowd${from + index}`, host: 'nowhere' },
    }))
    const request = { hash: '0'.repeat(16), news }
    const told = hostile.link.request({ address: target.address }, 'gossip', request, signal)
    await Promise.all([told, mesh.clock.advance(100)])
  }
  expect(target.mesh.members().length).toBeGreaterThan(300)
  mesh.member(3).addFiles(1)
  mesh.member(0).addFiles(1)
  await mesh.clock.advance(5_000)
  expect(mesh.member(3).knowledge.seenSeq('peer0', target.catalog.epoch)).toBe(4)
  expect(target.knowledge.seenSeq('peer3', mesh.member(3).catalog.epoch)).toBe(4)
  for (const { peerId } of mesh.members.slice(1)) expect(hostile.recordOf(peerId)).toBeDefined()
  for (const one of mesh.running) expect(one.metIds()).toHaveLength(5)
})

test('a flood of requests is answered with BUSY, and logged once a minute', async () => {
  await using hostile = await hostileMesh('flood')
  const { mesh, link, logged } = hostile
  const { signal } = new AbortController()
  const flood = Array.from({ length: 4_000 }, () =>
    link
      .request({ address: mesh.member(0).address }, 'gossip', { hash: '0'.repeat(16) }, signal)
      .catch((error: unknown) => error),
  )
  const [answers] = await Promise.all([Promise.all(flood), mesh.clock.advance(1_000)])
  const refused = answers.filter((answer) => answer instanceof Error)
  expect(refused.length).toBeGreaterThan(500)
  expect(refused[0]).toMatchObject({ code: 'BUSY' })
  expect(logged.filter((line) => line.includes('too many requests'))).toHaveLength(1)
})
