/**
 * What each role may do in a secured cluster, over real connections. The lists are not made from the table: a
 * message that is added to it, or whose right is changed, has to be thought of here, too.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CertifiedRole, clusterRoles } from '../common/identity/cluster-role.ts'
import type { NodeIdentity } from '../common/identity/node-identity.ts'
import type { MessageRow } from '../common/protocol/message-row.ts'
import {
  type MessageType,
  maySend,
  messages,
  protocolVersion,
} from '../common/protocol/messages.ts'
import { asJoiner, asMember, openDoor, type Request, talk } from '../common/testing/doors.ts'
import { TestCluster } from '../common/testing/test-cluster.ts'
import { examples } from './protocol-examples.ts'

const all = Object.keys(messages) as MessageType[]
const wordsOf = (text: string): string[] => text.split(/\s+/)
const without = (text: string): MessageType[] => all.filter((type) => !wordsOf(text).includes(type))

/** Looks up and downloads. */
const ofReader = `hello join-cluster renew-certificate exchange-trust lookup search match peers status why safety
  versions replication-rules replication-of events find-content trash list-folder chunk-list chunks read read-many`
/** The index's own. */
const ofIndex = 'reached probe keep-intent relabel show-chunk'
/** What changes the cluster. */
const ofAdmin = `forget-peer resume-replication rebalance set-replication revoke-member create-join-token
  join-tokens revoke-join-token`

const rights: Readonly<Record<CertifiedRole | 'joiner', readonly string[]>> = {
  joiner: ['hello', 'join-cluster'],
  reader: wordsOf(ofReader),
  peer: without(`${ofIndex} ${ofAdmin}`),
  admin: without(ofIndex),
  index: [
    ...wordsOf(ofReader).filter((type) => type !== 'join-cluster'),
    ...wordsOf(ofIndex),
    ...wordsOf('tasks cancel-tasks confirm-copies verify prove read-intent restore-file'),
  ],
}

let cluster: TestCluster
let members: Readonly<Record<CertifiedRole, NodeIdentity>>
beforeAll(async () => {
  cluster = await TestCluster.create()
  members = {
    index: cluster.own,
    admin: await cluster.member('admin', 'admin'),
    peer: await cluster.member('peer1', 'peer'),
    reader: await cluster.member('ci', 'reader'),
  }
})
afterAll(() => cluster[Symbol.asyncDispose]())

test.each(clusterRoles)('the table lets the role %s send exactly these messages', (role) => {
  const may = all.filter((type) => maySend(type, { ...cluster.own.self, role }))
  expect(may.toSorted()).toEqual(rights[role].toSorted())
})

const greetings = [
  ['joiner', 'client'],
  ['reader', 'client'],
  ['peer', 'client'],
  ['peer', 'peer'],
  ['admin', 'peer'],
  ['index', 'client'],
] as const

test.each(
  greetings.flatMap(([role, as]) =>
    (['index', 'peer'] as const).map((at) => [role, as, at] as const),
  ),
)('a %s that greets as a %s is held to it at the %s, message by message', async (role, as, at) => {
  const joining = role === 'joiner'
  const options = joining ? asJoiner : asMember(members[role])
  const peerId = joining ? undefined : members[role].self.id
  const hello = { protocol: protocolVersion, role: as, peerId }
  await using door = await openDoor(members.index, { role: at })
  const others = all.filter((type) => type !== 'hello')
  const requests = others.map((type): Request => [type, examples[type].request])
  const { byType } = await talk(door.port, options, [['hello', hello], ...requests])
  for (const type of others) {
    const { from, to }: MessageRow = messages[type]
    const isKnown = from.includes(as) && to.includes(at)
    const isAllowed = rights[role].includes(type)
    const answer = byType.get(type)
    const reached = door.handled.includes(type)
    const expected = isAllowed ? ['ok', 'NOT_IN_CLUSTER'] : ['FORBIDDEN']
    expect(isKnown ? expected : ['UNKNOWN_TYPE'], type).toContain(answer)
    expect(reached, type).toBe(isKnown && isAllowed && answer === 'ok' && type !== 'exchange-trust')
  }
})
